# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 excite`: a table and a goal, and every rejection in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from ml3_ros.cli.main import main
from ml3_ros.identification.excitation import search


@pytest.fixture(autouse=True)
def short_search(monkeypatch):
    """A search of moments."""

    class Short(search.SearchConfig):
        def __init__(self, seed=0):
            super().__init__(seed=seed, starts=1, first=3, iterations=3)

    monkeypatch.setattr(search, "SearchConfig", Short)


def test_a_motion_and_its_goal_are_written(tmp_path, capsys):
    out = tmp_path / "motion.csv"
    words = ["--start", "-0.2", "0.4", "--seconds", "8", "--reach", "0.6", "--out", str(out)]
    assert main(["excite", "--urdf", "reacher", *words]) == 0
    printed = capsys.readouterr().out
    assert "Self-collision" in printed and "times those after random excitation of 8 s" in printed
    table = np.loadtxt(out, delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[[0, -1], :3], [[0, -0.2, 0.4], [8, -0.2, 0.4]], atol=1e-6)
    assert np.abs(table[:, 1:3] - [-0.2, 0.4]).max() <= 0.6
    goal = yaml.safe_load(out.with_suffix(".yaml").read_text())
    assert goal["trajectory"]["joint_names"] == ["joint0", "joint1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seconds", "0"], "--seconds is 0.0: it must be finite and > 0"),
        (["--reach", "inf"], "--reach is inf"),
        (["--seconds", "2"], "give at least 3.75 s"),
        (["--start", "1"], "--start has shape (1,), but the arm has 2 joints"),
        (["--start", "nan", "0"], "--start holds NaN"),
        (["--box", "0", "0", "0", "0", "1", "1"], "is empty: give lower corners first"),
        (["--bag", "nowhere"], "nowhere"),
        (["--out", "motion.yaml"], "that is where the goal goes; name the table .csv"),
    ],
)
def test_wrong_settings_are_rejected(tmp_path, capsys, words, sentence):
    out = tmp_path / "motion.csv"
    assert main(["excite", "--urdf", "reacher", "--out", str(out), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not out.exists()
