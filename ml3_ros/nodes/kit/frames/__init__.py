# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames of a node: the one that its headers name, and those that it knows from tf."""
