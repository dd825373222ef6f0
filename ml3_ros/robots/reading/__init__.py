# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Readers of robot files: URDF and MJCF become a rigid-body model of the joints that move."""
