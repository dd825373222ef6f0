"""The report of an identification: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from ml3_ros.identification.run import Identification
from ml3_ros.reports.identification.tables import error_rows
from ml3_ros.reports.styles import method_style

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1120px; margin: 2em auto;
       padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; font-size: 0.88em; }
th, td { padding: 0.25em 0.7em; text-align: right; border-bottom: 1px solid #e7e7e7; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
tr.best td { font-weight: bold; background: #f3f8f0; }
ul.findings { list-style: none; padding: 0; } ul.findings li { margin: 0.3em 0; }
.fine::before { content: "ok"; color: #3d7a2a; }
.notice::before { content: "look"; color: #b0243f; }
.fine::before, .notice::before { display: inline-block; width: 3.2em; font-weight: bold; }
img { max-width: 100%; } .faint { color: #777; font-size: 0.88em; }
"""


def report_html(result: Identification, figures: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        result: What was found.
        figures: PNG files by heading, in the order of the page.
    """
    rows = result.rows
    out, total = int(rows.held_out.sum()), len(rows.t)
    name = escape(result.name)
    sections = [
        f"<h1>{name}: inverse dynamics from a recording</h1>",
        f"<p>{total - out} samples were learned from, {out} were held out: whole blocks that "
        "nothing was learned from or chosen by. NMSE 0 is perfect, 1 is no better than the "
        "mean.</p>",
    ]
    if result.findings:
        sections.append("<h2>The recording</h2>" + _findings(result))
    sections.append(f"<h2>{rows.measure[0].upper()}{rows.measure[1:]}</h2>" + _table(result))
    sections.append(_list("h2", "Verdict", [
        f"<b>{escape(v.joint)}</b>: {escape(v.sentence)}" for v in result.verdicts
    ] or [_all_well(result)]))  # fmt: skip
    for heading, png in figures.items():
        data = base64.b64encode(png).decode()
        sections.append(
            f'<h2>{escape(heading)}</h2><img alt="{escape(heading, quote=True)}" '
            f'src="data:image/png;base64,{data}">'
        )
    meanings = [
        f"<b>{escape(method_style(m).label)}</b>: {escape(method_style(m).meaning)}"
        for m in result.heldout
        if method_style(m).meaning
    ]
    sections.append(_list("h2", "Methods", [*meanings, *map(escape, result.notes)]))
    body = "\n".join(sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{name}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _all_well(result: Identification) -> str:
    repeats = any(f.topic == "repeats" and not f.fine for f in result.findings)
    return f"Every joint is served well{', on this motion, which repeats' if repeats else ''}."


def _findings(result: Identification) -> str:
    items = [
        f'<li class="{"fine" if f.fine else "notice"}">{escape(f.topic)}: {escape(f.text)}</li>'
        for f in result.findings
    ]
    return f'<ul class="findings">{"".join(items)}</ul>'


def _table(result: Identification) -> str:
    header, lines = error_rows(result.heldout, result.rows.joint_names, result.rows.measure)
    best = "" if result.rows.on_repeats else method_style(result.best()).label
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr{' class=best' if line[0] == best else ''}>{_cells(line)}</tr>" for line in lines
    )
    seeds = max(np.shape(each)[0] for each in result.heldout.values())
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<p class="faint">Networks: mean over {seeds} seeds, with the standard deviation of the '
        "mean over joints.</p>"
    )


def _cells(line: Sequence[str]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in line)


def _list(tag: str, heading: str, items: Sequence[str]) -> str:
    inner = "".join(f"<li>{item}</li>" for item in items)
    return f"<{tag}>{escape(heading)}</{tag}><ul>{inner}</ul>"
