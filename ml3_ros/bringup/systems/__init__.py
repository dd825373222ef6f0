# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Systems that `ml3 up` and the launch files start, described as data; `registry.py` lists all."""
