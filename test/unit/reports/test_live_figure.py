# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The figure of a run can be read: every method is there, and no text covers another."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ml3_ros.cli.main import main
from ml3_ros.errors import DataError
from ml3_ros.reports.figures import _spread, save_figure
from ml3_ros.reports.online.figure import live_figure
from ml3_ros.reports.online.report import build_report
from ml3_ros.reports.styles import STYLE_GROUPS, method_style


def texts(figure):
    """Return (text, box in pixels) of everything that is really written on a figure."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn, draw_text = [], renderer.draw_text

    def record(*args, mtext=None, **kwargs):
        drawn.append(mtext)
        draw_text(*args, mtext=mtext, **kwargs)

    renderer.draw_text = record
    figure.draw(renderer)
    # that of an annotation includes its leader, so take that of the text
    return [(text.get_text(), Text.get_window_extent(text, renderer)) for text in drawn if text]


def variants(report):
    many = {
        name: replace(report.methods["ml3_shaped"], heldout=report.methods["ml3_shaped"].heldout)
        for name in STYLE_GROUPS["online"]
    }
    yield "as it is", report
    yield "nine equal curves", replace(report, methods=many)
    yield "two clocks", replace(report, seconds=np.array([0.1, 2.0, 3.0]))
    wide = np.tile(report.tau, (1, 4))[:, :7]
    methods = {
        name: replace(
            method,
            predicted=np.tile(method.predicted, (1, 4))[:, :7],
            prequential=np.tile(method.prequential, 4)[:7],
            heldout=np.tile(method.heldout, (1, 4))[:, :7],
        )
        for name, method in report.methods.items()
    }
    names = tuple(f"shoulder_{i}" for i in range(7))
    yield "seven joints", replace(report, joint_names=names, tau=wide, methods=methods)


def test_no_text_covers_another_and_all_of_it_is_inside(save_run):
    for what, report in variants(build_report(save_run())):
        figure = live_figure(report)
        boxes = texts(figure)
        assert len(boxes) > 40
        for (one, a), (other, b) in combinations(boxes, 2):
            overlap_x = min(a.x1, b.x1) - max(a.x0, b.x0)
            overlap_y = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert overlap_x < 2 or overlap_y < 2, f"{what}: {one!r} covers {other!r}"
        for text, box in boxes:
            inside = box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
            assert inside and box.y1 <= figure.bbox.y1, f"{what}: {text!r} is cut off"


def test_every_method_is_named_beside_its_line(save_run):
    report = build_report(save_run())
    written = [text for text, _ in texts(live_figure(report))]
    assert "1 s" in written, "robot time above the gradient steps"
    for name, method in report.methods.items():
        panels = 2 if np.isfinite(method.heldout).any() else 1
        assert written.count(method_style(name).label) >= panels, name


def test_spread_keeps_order_distance_and_bounds():
    rng = np.random.default_rng(0)
    for count in range(1, 10):
        targets = rng.uniform(0, 100, count) ** 2 / 100
        places = _spread(targets, 10.0, 100.0)
        assert (np.diff(np.sort(places)) >= 10.0 - 1e-9).all()
        assert places.min() >= -1e-9 and places.max() <= 100.0 + 1e-9
        assert (np.argsort(places) == np.argsort(targets)).all()
    np.testing.assert_allclose(_spread(np.array([10.0, 50.0]), 10.0, 100.0), [10.0, 50.0])


def test_methods_have_looks_of_their_own():
    for group in ("online", "tracking", "policies", "metarl"):  # who stands in one figure
        styles = STYLE_GROUPS[group]
        pairs = [(style.color, style.linestyle) for style in styles.values()]
        assert len(set(pairs)) == len(pairs)
    others = ["mine", "yours"]
    assert method_style("mine", others).color != method_style("yours", others).color
    assert method_style("my_own").label == "my own"


def test_the_same_run_gives_the_same_files(save_run, tmp_path):
    report = build_report(save_run())
    first = [path.read_bytes() for path in save_figure(live_figure(report), tmp_path, "x")]
    again = [path.read_bytes() for path in save_figure(live_figure(report), tmp_path, "x")]
    assert first == again
    with pytest.raises(DataError, match="no folder"):
        save_figure(live_figure(report), tmp_path / "none", "x")


def test_the_command_prints_the_table_and_writes_the_files(save_run, capsys):
    folder = save_run()
    assert main(["report", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "Held-out NMSE" in printed and "Prequential NMSE" in printed
    for name in ("metrics.json", "invdyn_live.png", "invdyn_live.svg"):
        assert (folder / name).stat().st_size > 1000
    assert main(["report", str(folder / "checkpoints")]) == 2
    assert "it is not the folder of a finished run" in capsys.readouterr().err
