# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: what is written is read back, and damage is rejected in one sentence."""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml3_ros.data.run_files import HeldOut, Predictions, RunFolder, Samples
from ml3_ros.errors import DataError

REPOSITORY = Path(__file__).resolve().parents[3]


def samples(n=2, count=5, **changes):
    arrays = {name: np.arange(count * n, dtype=float).reshape(count, n) for name in ("q", "v")}
    arrays |= {"a": -arrays["q"], "tau": 2 * arrays["v"]}
    fields = {"joint_names": ("a", "b")[:n], "t": 0.1 * np.arange(count), "learn_until": 0.25}
    return Samples(**(fields | arrays | changes))


def test_everything_written_is_read_back(tmp_path):
    run = RunFolder.create(tmp_path / "new" / "out")
    run.save_config({"seed": np.int64(1), "lr": np.array([0.1, 0.2]), "out": tmp_path})
    run.save_metrics({"headline": {"x": np.inf}})
    run.save_samples(samples())
    ones = np.ones((3, 2))
    run.save_predictions(Predictions(t=np.arange(3.0), tau=ones, methods={"m": np.inf * ones}))
    run.save_heldout(HeldOut(steps=np.arange(3.0), seconds=np.arange(3.0), methods={"m": ones}))
    assert run.load_config() == {"seed": 1, "lr": [0.1, 0.2], "out": str(tmp_path)}
    assert run.load_metrics() == {"headline": {"x": np.inf}}
    loaded = run.load_samples()
    assert loaded.joint_names == ("a", "b")
    assert loaded.learn_until == 0.25
    for name in ("t", "q", "v", "a", "tau"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(samples(), name))
    assert np.isinf(run.load_predictions().methods["m"]).all()
    np.testing.assert_array_equal(run.load_heldout().methods["m"], ones)
    assert run.checkpoint("m").parent.is_dir()
    assert not list(run.path.glob(".*"))


def test_the_held_out_part_begins_after_learn_until():
    assert samples().part(held_out=False).t.tolist() == [0.0, 0.1, 0.2]
    np.testing.assert_allclose(samples().part(held_out=True).t, [0.3, 0.4])
    assert len(samples(learn_until=np.inf).part(held_out=True).t) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"joint_names": ("a", "a")}, "joint names"),
        ({"t": np.array([0.0, 0.1, 0.1, 0.2, 0.3])}, "increasing"),
        ({"v": np.zeros((5, 3))}, r"v must have shape \(5, 2\)"),
        ({"tau": np.full((5, 2), np.nan)}, "tau is not finite"),
        ({"learn_until": np.nan}, "learn_until is NaN"),
    ],
)
def test_malformed_samples_are_rejected(changes, sentence):
    with pytest.raises(DataError, match=sentence):
        samples(**changes)


def test_curves_of_other_dimensions_are_rejected():
    square = np.ones((2, 2))
    with pytest.raises(DataError, match="steps must be a list"):
        HeldOut(steps=square, seconds=square, methods={"m": square})
    for tau in (np.ones(2), np.ones((2, 2, 2))):
        with pytest.raises(DataError, match="tau must be"):
            Predictions(t=np.arange(2.0), tau=tau, methods={})


def test_malformed_curves_are_rejected():
    t, two = np.arange(2.0), np.ones((2, 2))
    with pytest.raises(DataError, match="m must have shape"):
        Predictions(t=t, tau=two, methods={"m": np.ones((2, 3))})
    with pytest.raises(DataError, match="cannot be called tau"):
        Predictions(t=t, tau=two, methods={"tau": two})
    with pytest.raises(DataError, match="same n"):
        HeldOut(steps=t, seconds=t, methods={"m": two, "k": np.ones((2, 3))})
    with pytest.raises(DataError, match="seconds must have shape"):
        HeldOut(steps=t, seconds=np.arange(3.0), methods={})


def test_a_folder_of_something_else_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        RunFolder(tmp_path / "no").load_config()
    with pytest.raises(DataError, match=r"has no samples\.npz: it is not the folder"):
        RunFolder(tmp_path).load_samples()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"{", b"[]", pickle.dumps([1])])
def test_damaged_files_are_named_and_never_unpickled(tmp_path, content):
    run = RunFolder(tmp_path)
    for name, load in (("config.json", run.load_config), ("samples.npz", run.load_samples)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} is damaged"):
            load()
    np.savez(tmp_path / "samples.npz", t=np.array([object()]))
    with pytest.raises(DataError, match="damaged"):
        run.load_samples()


def test_files_that_raise_anything_are_named(tmp_path):
    run = RunFolder(tmp_path)
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"config\.json is damaged"):
        run.load_config()
    run.save_samples(samples())
    with np.load(tmp_path / "samples.npz") as file:
        arrays = dict(file)
    for change in ({"surprise": np.ones(3)}, {"t": np.float64(1.0)}, {"joint_names": np.array(1)},
                   {"learn_until": np.ones(3)}):  # fmt: skip
        np.savez(tmp_path / "samples.npz", **(arrays | change))
        with pytest.raises(DataError):
            run.load_samples()
    np.savez(tmp_path / "heldout.npz", steps=np.array(1.0), seconds=np.array(1.0), m=np.ones(()))
    with pytest.raises(DataError):
        run.load_heldout()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose a folder that can"):
        RunFolder.create(tmp_path / "file" / "out")


@pytest.mark.parametrize("name", ["x" * 5000, "/proc/1/root/x", "a\0b"])
def test_a_folder_that_cannot_be_looked_into_is_named(name):
    run = RunFolder(name)
    for read in (run.load_config, run.load_samples):
        with pytest.raises(DataError, match="there is no folder"):
            read()
    with pytest.raises(DataError, match="choose"):
        RunFolder.create(name)


def test_nobody_waits_for_a_pipe(tmp_path):
    run = RunFolder(tmp_path)
    for name, read in (("config.json", run.load_config), ("samples.npz", run.load_samples)):
        os.mkfifo(tmp_path / name)
        with pytest.raises(DataError, match=f"{name} is damaged .it is no file"):
            read()


def test_a_full_disk_leaves_the_older_file_whole(tmp_path):
    run = RunFolder.create(tmp_path)
    run.save_config({"seed": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        with pytest.raises(DataError, match="disk is full"):
            run.save_config({"seed": 2, "longer": "x" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert run.load_config() == {"seed": 1}
    assert not list(tmp_path.glob(".*"))


def test_the_format_needs_neither_models_nor_ros():
    code = (
        "import sys, ml3_ros.data.run_files\n"
        "heavy = {'pinocchio', 'mujoco', 'rclpy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=True)
