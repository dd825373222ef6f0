# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The results page: Markdown and overview figure of all experiments, from their metrics files."""
