# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Names in any script: a font that has the letters is taken, and what none has is told."""

from __future__ import annotations

import warnings

import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from ml3_ros.reports.figures import house_style, rendered
from ml3_ros.reports.fonts import USUAL, font_with, letters_without_font

RARE = "\U00013000"  # an Egyptian sign


@pytest.fixture
def other_letter():
    """Return a letter that a font of matplotlib's own has and the usual one lacks."""
    usual = FT2Font(findfont(FontProperties(family=[USUAL]))).get_charmap()
    (stix, *_) = [f.fname for f in fontManager.ttflist if f.name == "STIXGeneral"]
    return next(chr(c) for c in FT2Font(stix).get_charmap() if c not in usual and chr(c).isalpha())


def figure_of(text):
    with house_style():
        figure = Figure(figsize=(2, 1))
        figure.subplots().set_title(text)
    return figure


def test_a_font_that_has_the_letters_is_taken(other_letter):
    figure = figure_of(f"joint {other_letter}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rendered(figure, "png")
    (title,) = (t for t in figure.findobj(Text) if other_letter in t.get_text())
    families = title.get_fontfamily()
    assert families == [USUAL, font_with(frozenset(other_letter))] and families[1]
    assert letters_without_font(["plain", other_letter]) == ""


def test_letters_that_no_font_has_warn_of_nothing(monkeypatch):
    monkeypatch.setattr("ml3_ros.reports.fonts.font_with", lambda letters: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rendered(figure_of(f"joint {RARE}"), "png")


def test_a_font_of_boxes_has_no_letters():
    family = font_with(frozenset(RARE))
    assert family is None or not family.startswith("Last Resort")


def test_the_sentence_names_the_letters(monkeypatch):
    monkeypatch.setattr("ml3_ros.reports.fonts.font_with", lambda letters: None)
    sentence = letters_without_font(["関節2", "節", "Drehgelenk_ä", "a b"])
    assert sentence.startswith("Figures show boxes for 節関: install a font")
    assert letters_without_font(["Drehgelenk_ä"]) == ""
