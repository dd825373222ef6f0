# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A hybrid with nothing of a network in it: a sentence, no bold row; legends stay off titles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ml3_ros.identification.fits import classical
from ml3_ros.identification.networks import runs
from ml3_ros.identification.run import Identification
from ml3_ros.reports.identification import html
from ml3_ros.reports.identification.figures import effort_figure, error_figure
from ml3_ros.reports.styles import method_style


def result_of(rows, share):
    """Return a result whose hybrid is its best, with so much of a network in it."""
    predicted = rows.tau[None] + 0.1
    heldout = {"classical_fit": 0.2, "extended_fit": 0.1, "hybrid_ml3": 0.1}
    return Identification(
        name="a recording with a long name, " * 4,
        rows=rows,
        predicted=dict.fromkeys(heldout, predicted),
        heldout={name: np.full((1, 2), error) for name, error in heldout.items()},
        choices={"hybrid_ml3": {"share": [[share, 0.0]]}},
        coefficients=np.ones((2, 4)),
        tau_rbd=rows.tau,
    )


def test_a_sentence_says_where_no_network_added_anything(rows, data, tiny, monkeypatch):
    train = runs.train_best

    def without(*arguments):
        trained = train(*arguments)
        return replace(trained, share=np.zeros_like(trained.share))

    bases = {"hybrid": classical(data)}
    quick = replace(tiny, adam_steps=(3e-3,), seeds=1)
    for change in (train, without):
        monkeypatch.setattr(runs, "train_best", change)
        _, choices, notes = runs.train_networks(rows, bases, quick, None, print)
        empty = [name for name, choice in choices.items() if not np.any(choice["share"])]
        assert [note.split(":")[0] for note in notes if "no network added" in note] == empty


def test_a_row_that_repeats_the_fit_is_not_bold_and_says_why(rows):
    assert result_of(rows, 0.0).best() == "hybrid_ml3"
    assert html._best(result_of(rows, 0.0)) == ""
    assert html._best(result_of(rows, 0.5)) == method_style("hybrid_ml3").label


@pytest.mark.parametrize("draw", [effort_figure, error_figure])
def test_a_legend_never_runs_into_a_title(rows, draw):
    figure = draw(result_of(rows, 0.0))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    legends = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
    titles = [figure._suptitle, *(a.title for a in figure.axes)]
    assert legends
    for legend in legends:
        box = legend.get_window_extent(renderer)
        for title in titles:
            assert not title.get_text() or not box.overlaps(title.get_window_extent(renderer))
        texts = " ".join(text.get_text() for text in legend.get_texts())
        assert draw is error_figure or "(no network in it)" in texts
