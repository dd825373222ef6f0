# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base of all nodes: lifecycle, parameters, diagnostics, streams and guards of commands.

A node is a subclass of `Ml3Node` (node.py) and the parameters that it declares.
"""
