# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/identify.md are those of the metrics beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml3_ros.identification.split import SplitConfig
from ml3_ros.reports.identification.tables import error_markdown
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import markdown_table, number

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "identify.md").read_text()


def metrics(name):
    return json.loads((DOCS / "metrics" / "identify" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["ur10", "sarcos"])
def test_tables_by_joint_are_made_from_metrics(name):
    content = metrics(name)
    assert error_markdown(content["methods"], content["config"]["joints"]) in PAGE
    assert max(len(method["per_seed"]) for method in content["methods"].values()) >= 5


def test_the_table_of_folds_is_made_from_metrics():
    every = SplitConfig().every
    columns = {
        f"fold {n}": metrics("ur10" if n == every - 1 else f"ur10_fold{n}") for n in range(every)
    }
    for fold, content in enumerate(columns.values()):
        assert content["config"]["split"]["fold"] in (fold, None)
    rows = [
        [method_style(method).label, *(mean(content, method) for content in columns.values())]
        for method in columns["fold 0"]["methods"]
    ]
    assert markdown_table(["held-out NMSE", *columns], rows) in PAGE


def mean(content, method):
    return number(content["headline"][f"{method}_heldout_nmse"])


def test_what_the_page_claims_of_the_ur10_is_measured():
    content = metrics("ur10")
    errors = {
        name: [sum(joint) / len(joint) for joint in zip(*method["per_seed"], strict=True)]
        for name, method in content["methods"].items()
    }
    best, classical = errors["hybrid_ml3"], errors["classical_fit"]
    assert all(x <= y for x, y in zip(best, classical, strict=True))
    assert sum(best) <= 0.5 * sum(classical)
