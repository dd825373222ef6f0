# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Write the table under "What to expect" into README.md, from docs/metrics.

    .venv/bin/python tools/readme_numbers.py

`readme_numbers.yaml` describes its rows, and the other sentences of README.md that hold numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, StrictUndefined

from ml3_ros.experiments.page.choices import choices_table
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import load_metrics
from ml3_ros.experiments.registry import SECTIONS
from ml3_ros.reports.tables import markdown_table, number

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "README.md"
NUMBERS = Path(__file__).with_suffix(".yaml")
BEGIN = "<!-- expectations: written by tools/readme_numbers.py -->\n"
END = "<!-- end of expectations -->"
CHOICES_BEGIN = "<!-- choices: written by tools/readme_numbers.py -->\n"
CHOICES_END = "<!-- end of choices -->"
BASELINE = "adam_tuned"
METHODS = {
    "ml3_shaped": "plain ML3",
    "ml3_adaptive": "adaptive",
    "ml3_prior": "with a prior",
    BASELINE: "tuned Adam",
}
_TEMPLATES = Environment(undefined=StrictUndefined, autoescape=False)  # Markdown, no HTML


def numbers() -> dict[str, list[dict[str, Any]]]:
    """Return the rows and sentences of the YAML file."""
    content: dict[str, list[dict[str, Any]]] = yaml.safe_load(NUMBERS.read_text("utf-8"))
    return content


def metrics(name: str) -> MetricsView:
    """Read the metrics file of a section of the results page."""
    view = MetricsView.load(ROOT / "docs" / "metrics" / f"{name}.json")
    assert view is not None, f"docs/metrics/{name}.json is missing"
    return view


def filled(template: str, view: MetricsView) -> str:
    """Return a sentence with its numbers, each `factor` times that of the file.

    A percent sign has a space before it.
    """
    sentence = _TEMPLATES.from_string(template).render(
        m=lambda name, form, factor=1.0: format(factor * view[name], form).replace("%", " %")
    )
    return " ".join(sentence.split())


def expectations() -> str:
    """Return the table: a row for each task, bold where a loss is below Adam by the spreads."""
    rows = []
    for row in numbers()["expectations"]:
        view = metrics(row["metrics"])
        errors = {name: _error(row, view, name) for name in METHODS}
        cells = [
            f"**{text}**" if high < errors[BASELINE][0] else text
            for _, high, text in errors.values()
        ]
        rows.append([row["task"], *cells, filled(row["instead"], view)])
    header = ["task [error]", *METHODS.values(), "what to use instead"]
    return markdown_table(header, rows, n_texts=len(header))


def _error(row: Mapping[str, Any], view: MetricsView, method: str) -> tuple[float, float, str]:
    """Return mean -+ standard deviation over seeds as low, high and text."""
    if "headline" in row:  # a run on one robot: nobody knows its spread
        value = view.get(f"{method}_{row['headline']}", np.nan)
        return -np.inf, np.inf, number(value, 2)
    each = view.curves[method + row.get("panel", "")].at(row["at"]) * row.get("factor", 1.0)
    mean, spread = float(each.mean()), float(each.std(ddof=1))
    return mean - spread, mean + spread, f"{number(mean, 2)} ± {number(spread, 2)}"


def written(page: str) -> str:
    """Return the page with its tables as they should be now."""
    choices = choices_table(load_metrics(ROOT / "docs" / "metrics", SECTIONS))
    page = _replaced(page, CHOICES_BEGIN, CHOICES_END, choices)
    return _replaced(page, BEGIN, END, expectations())


def _replaced(page: str, begin: str, end: str, table: str) -> str:
    """Return the page with another table between two marks."""
    before, rest = page.split(begin, 1)
    return before + begin + table + "\n" + end + rest.split(end, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
