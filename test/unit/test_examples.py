# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The examples run, on short settings, and print what they promise."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run an example as a program: (name, words) -> what it prints."""

    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def errors(text):
    """Return the error of each method before and after, as printed."""
    rows = re.findall(r"^  (\S+) +before +(\S+) +after +(\S+)$", text, flags=re.MULTILINE)
    return {name: (float(before), float(after)) for name, before, after in rows}


def test_online_learning_lowers_the_error_of_every_method(run):
    printed = errors(run("online_learning", "--seconds", 6))
    assert set(printed) == {"ml3_adaptive", "ml3_prior", "adam_tuned"}
    assert all(after < before for before, after in printed.values())


def test_a_loss_is_trained_for_an_arm_and_learned_with(run, tmp_path):
    out = tmp_path / "losses" / "mine.safetensors"
    words = ("--outer-steps", 2, "--robots", 2, "--seconds", 6)
    printed = errors(run("train_for_your_arm", "--out", out, *words))
    assert out.exists()
    assert set(printed) == {"ml3_mine", "adam"}
    assert all(after < before for before, after in printed.values())


def test_a_touched_arm_is_fitted_better_with_learned_weights(run):
    words = ("--kind", "leading", "--outer-steps", 12, "--arms", 6)
    text = run("touched_arm", *words)
    found = dict(re.findall(r"^  (\w+) +(\d\.\d{4})$", text, flags=re.MULTILINE))
    assert float(found["learned"]) < 0.5 * float(found["least_squares"])


def test_a_recording_is_identified(run, tmp_path):
    text = run("identify_recording", "--out", tmp_path, "--seconds", 5, "--seeds", 1)
    held_out = dict(re.findall(r"^  (\w+) +(\d\.\d{4})$", text, flags=re.MULTILINE))
    assert float(held_out["classical_fit"]) < 0.1 * float(held_out["rigid_body"])
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "bag" / "metadata.yaml").exists()
