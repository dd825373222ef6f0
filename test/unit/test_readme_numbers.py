# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Numbers in README.md are those of docs/metrics."""

from pathlib import Path

import pytest

from tools import readme_numbers

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def test_the_table_of_expectations_is_current():
    assert readme_numbers.written(README) == README, "run tools/readme_numbers.py"


@pytest.mark.parametrize(
    "row", readme_numbers.numbers()["sentences"], ids=lambda row: row["metrics"]
)
def test_a_sentence_with_numbers_is_true(row):
    sentence = readme_numbers.filled(row["text"], readme_numbers.metrics(row["metrics"]))
    assert sentence in " ".join(README.split())


def test_the_conclusions_below_the_table_are_what_it_shows():
    table = [line.split("|")[1:-1] for line in readme_numbers.expectations().splitlines()[2:]]
    plain, adaptive = ([row[i].strip().startswith("**") for row in table] for i in (1, 2))
    fast = ["100 steps/s" in row[0] for row in table]
    assert not any(plain)
    assert not any(better for better, at_100 in zip(adaptive, fast, strict=True) if at_100)
    assert "Plain ML3 beats tuned Adam in no row" in README
    assert "At 100 steps a second it does not" in README
