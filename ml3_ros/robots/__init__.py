# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robot arms by name: description, MuJoCo simulation, Pinocchio model, and control.

Import the modules you need: nothing is imported here, so that a process which adapts online can
use `ml3_ros.data.filters` without loading a physics engine.
"""
