# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bringup of systems of nodes: describes them as data, starts and ends their processes.

Begin in `systems/`, which has the nodes, parameters and arguments of each; `up.py` starts them for
`ml3 up`, `launch_adapter.py` for `ros2 launch`.
"""
