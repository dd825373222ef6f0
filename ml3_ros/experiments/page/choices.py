# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table of methods to choose from, each with the number that speaks for it: README and results."""

from collections.abc import Mapping
from importlib import resources

import yaml
from jinja2 import Environment, StrictUndefined

from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.reports.tables import markdown_table

_TEMPLATES = Environment(undefined=StrictUndefined, autoescape=False)  # Markdown, no HTML


def choices_table(metrics: Mapping[str, MetricsView]) -> str:
    """Return the rows of `choices.yaml` as a table.

    Args:
        metrics: By the section's name; a row that needs one which is missing is left out.
    """
    text = resources.files(__package__).joinpath("choices.yaml").read_text("utf-8")
    rows = []
    for row in yaml.safe_load(text):
        brings = _filled(row["number"], metrics)
        if brings is not None:
            rows.append([row["take"], row["when"], brings])
    return markdown_table(["take", "when", "what it brings"], rows, n_texts=3)


def _filled(template: str, metrics: Mapping[str, MetricsView]) -> str | None:
    """Return a sentence with its numbers, or None where their experiment was not run yet."""
    missing = False

    def number(section: str, name: str, form: str) -> str:
        nonlocal missing
        if section not in metrics:
            missing = True
            return ""
        return format(metrics[section][name], form)

    sentence = _TEMPLATES.from_string(template).render(m=number)
    return None if missing else " ".join(sentence.split())
