# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""HTML report of an identification: one file with its figures inside, to read or to send.

The page is the template `report.html.j2` beside this file.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from ml3_ros.identification.confidence.sandwich import LEVEL
from ml3_ros.identification.models.scores import mean_over_joints
from ml3_ros.identification.run import Identification
from ml3_ros.reports.identification.tables import error_rows, friction_rows
from ml3_ros.reports.identification.written.folder import FOLDER, written_files
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import number

_PAGES = Environment(
    loader=PackageLoader(__package__, "."),
    autoescape=True,  # names of joints and files come from a recording
    undefined=StrictUndefined,
    trim_blocks=True,
)


def report_html(result: Identification, figures: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        result: Of the identification.
        figures: PNG files by heading, in the order of the page.
    """
    rows = result.rows
    n_held_out = int(rows.held_out.sum())
    header, lines = error_rows(result.heldout, rows.joint_names, rows.measure)
    friction_header, friction_lines = friction_rows(result)
    styles = [method_style(name) for name in result.heldout]
    return _PAGES.get_template("report.html.j2").render(
        result=result,
        n_held_out=n_held_out,
        n_touched=n_held_out - int(rows.scored.sum()),
        with_touched={
            method_style(name).label: number(float(mean_over_joints(each).mean()))
            for name, each in result.heldout_touched.items()
        },
        n_learned=len(rows.t) - n_held_out,
        header=header,
        lines=lines,
        friction_header=friction_header,
        friction_lines=friction_lines,
        level=f"{100.0 * LEVEL:.0f}",
        best=_best(result),
        n_seeds=max(len(errors) for errors in result.heldout.values()),
        repeats=any(f.topic == "repeats" and not f.fine for f in result.findings),
        figures={title: base64.b64encode(png).decode() for title, png in figures.items()},
        styles=[style for style in styles if style.meaning],
        folder=FOLDER,
        written={} if result.arm is None else written_files(result.arm),
    )


def _best(result: Identification) -> str:
    """Return the label of the row to set in bold: none where it only repeats another one."""
    best = result.best()
    bare = result.rows.on_repeats or best in result.without_network
    return "" if bare else method_style(best).label
