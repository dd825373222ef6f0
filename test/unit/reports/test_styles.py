# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table of styles names every group and method once: of two, YAML would drop the first."""

from __future__ import annotations

import re
from importlib import resources

from ml3_ros.reports.styles import METHOD_STYLES, STYLE_GROUPS


def test_groups_and_methods_stand_once():
    text = resources.files("ml3_ros.reports").joinpath("styles.yaml").read_text("utf-8")
    assert len(re.findall(r"^\w+:", text, re.MULTILINE)) == len(STYLE_GROUPS)
    assert len(re.findall(r"^  \w+: \{", text, re.MULTILINE)) == len(METHOD_STYLES)
