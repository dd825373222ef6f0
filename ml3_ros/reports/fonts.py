# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fonts for names in any script: one that has the letters, or a sentence that none has."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

USUAL = "DejaVu Sans"
BOXES = "Last Resort"  # a font that has a box for every letter


@contextmanager
def letters_drawn(figure: Figure) -> Iterator[None]:
    """Let every text of a figure fall back to a font that has its letters; no warnings of others.

    What no font has is drawn as a box; `letters_without_font` tells.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        missing = _missing(text.get_text())
        fallback = font_with(missing) if missing else None
        if fallback:
            text.set_fontfamily([USUAL, fallback])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def letters_without_font(names: Iterable[str]) -> str:
    """Return a sentence on the letters of names that no installed font has, "" for none."""
    missing = _missing("".join(names))
    lost = "".join(sorted(c for c in missing if font_with(frozenset(c)) is None))
    if not lost:
        return ""
    return f"Figures show boxes for {lost}: install a font that has these letters."


@cache
def font_with(letters: frozenset[str]) -> str | None:
    """Return the family of an installed font that has all of these letters, None without one."""
    for entry in fontManager.ttflist:
        if entry.name.startswith(BOXES):
            continue
        if _codes(entry.fname) >= {ord(letter) for letter in letters}:
            return str(entry.name)
    return None


def _missing(text: str) -> frozenset[str]:
    """Return the letters that the usual font lacks."""
    known = _codes(findfont(FontProperties(family=[USUAL])))
    return frozenset(c for c in text if c.isprintable() and ord(c) not in known)


@cache
def _codes(path: str) -> frozenset[int]:
    """Return the letters of a font file; of one that cannot be read, none."""
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
