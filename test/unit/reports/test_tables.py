# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables and numbers: one printer for the terminal, one for Markdown, one formatter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml3_ros.reports.tables import (
    RULE,
    definition_list,
    markdown_table,
    median_in_range,
    number,
    text_table,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012345, "0.0123"),
        (0.5, "0.5"),
        (3.14159, "3.14"),
        (1234.5, "1.23e+03"),
        (1.2e-5, "1.2e-05"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (math.nan, "-"),
        (0.0, "0"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_what_was_measured_is_its_median_in_its_range():
    assert median_in_range(np.array([0.0125, math.inf, 0.3333])) == "0.333 [0.013 ∞]"


def test_a_terminal_table_is_aligned_and_leaves_cells_as_they_are():
    rows = [["sgd", "1.00", "22"], RULE, ["ml3_shaped", "333", ""]]
    assert text_table(["", "@1\nstep", "@10"], rows).splitlines() == [
        "                @1    @10",
        "              step",
        "----------  ------  -----",
        "sgd           1.00     22",
        "----------  ------  -----",
        "ml3_shaped     333",
    ]
    two_texts = text_table(["goal", "method", "@1"], [["a", "b", "1"]], n_texts=2)
    assert two_texts.splitlines()[-1] == "a       b            1"


def test_a_markdown_table_has_no_padding_and_keeps_bars_in_their_cells():
    assert markdown_table(["what", "@1"], [["a|b", "1.00"], ["longer", ""]]).splitlines() == [
        "| what | @1 |",
        "| --- | ---: |",
        "| a\\|b | 1.00 |",
        "| longer |  |",
    ]


def test_definitions_stand_in_two_columns():
    assert definition_list([("a", "one"), ("bcd", "two")]) == "  a    one\n  bcd  two"
