# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings in columns of text (CSV and the like), read as a mapping file describes them."""
