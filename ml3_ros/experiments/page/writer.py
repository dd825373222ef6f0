# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of the results page: metrics and figures taken from runs, and the page itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.overview import overview_figure
from ml3_ros.experiments.page.page import OVERVIEW, load_metrics, results_page
from ml3_ros.experiments.runner.section import Section
from ml3_ros.files import write_atomically
from ml3_ros.reports.figures import rendered


def take_run(folder: Path, metrics: Path, images: Path, sections: Sequence[Section]) -> None:
    """Copy metrics and figures of a finished run to where the page finds them.

    Args:
        folder: Of the run; its name is that of its section.
        metrics: Folder for NAME.json.
        images: Folder for figures.
        sections: All there are.

    Raises:
        ConfigError: No section has the folder's name.
        DataError: The folder lacks metrics or figure.
    """
    name = folder.resolve().name
    named = [section for section in sections if section.name == name]
    if not named:
        names = ", ".join(section.name for section in sections)
        raise ConfigError(
            f"no section of the results is called {name}: rename it to one of {names}"
        )
    (section,) = named
    view = MetricsView.load(folder / "metrics.json")
    if view is None:
        raise DataError(f"{folder} has no metrics.json: finish the run first")
    for target, source in section.figures.items():
        if not (folder / source).exists():
            raise DataError(f"{folder} has no {source}: finish the run first")
        write_atomically(images / target, (folder / source).read_bytes())
    text = json.dumps(_without_folders(view.content), separators=(",", ":"))
    write_atomically(metrics / f"{name}.json", text.encode() + b"\n")


def write_results(metrics: Path, page: Path, sections: Sequence[Section]) -> list[Path]:
    """Write the page and its overview figure; return their paths."""
    views = load_metrics(metrics, sections)
    write_atomically(page, results_page(sections, views).encode())
    figure = overview_figure(sections, views)
    if figure is None:
        return [page]
    path = page.parent / "images" / OVERVIEW
    write_atomically(path, rendered(figure, "png"))
    return [page, path]


def _without_folders(content: Any) -> Any:
    """Return JSON in which absolute paths are names: the rest tells of one machine only."""
    if isinstance(content, dict):
        return {key: _without_folders(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_folders(value) for value in content]
    if isinstance(content, str) and Path(content).is_absolute():
        return Path(content).name
    return content
