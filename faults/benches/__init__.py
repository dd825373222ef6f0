# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One file for each NAME of `python -m faults NAME`; its `bench` returns what it has measured."""
