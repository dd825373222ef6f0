# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sweeps: equal seeds give equal results anywhere, what is done is kept, no worker is left."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml3_ros.core.engine.engine import AUTOGRAD, Engine
from ml3_ros.errors import ConfigError, DataError, WorkerError
from ml3_ros.experiments.runner import sweep, workers
from ml3_ros.experiments.runner.array_cache import fingerprint, load_arrays, save_arrays
from ml3_ros.experiments.runner.backends import BACKENDS
from ml3_ros.experiments.runner.ray_backend import RayBackend
from ml3_ros.experiments.runner.sweep import _Progress, run_experiment
from ml3_ros.experiments.runner.workers import ATTEMPTS, LocalBackend, Outcome
from test.system.conftest import DEADLINE_S, runs, wait_until

HERE = Path(__file__).parent
SCRIPT = """
import signal
import sys
from pathlib import Path
from toy_experiment import TOY, ToyConfig
from ml3_ros.experiments.runner.sweep import run_experiment
from ml3_ros.experiments.runner.backends import BACKENDS

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run in the background
    config = ToyConfig(trouble="sleeps", notes=sys.argv[1])
    run_experiment("toy", TOY, config, Path(sys.argv[2]), backend=BACKENDS["local"](2))
"""


class Here:
    """Runs jobs in this process, for tests that are not about processes."""

    def run(self, jobs, log):
        for job in jobs:
            yield job.seed, Outcome.of(job).checked(job.seed)


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Return (backend, out, config fields) -> the lines that were logged."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))  # for the workers of Ray
    module = importlib.import_module("toy_experiment")
    notes = tmp_path / "notes"
    notes.mkdir()

    def run(backend, out="out", engine=AUTOGRAD, **changes):
        lines = []
        config = module.ToyConfig(notes=str(notes), **changes)
        how = {"backend": backend, "engine": engine, "report": lines.append}
        run_experiment("toy", module.TOY, config, tmp_path / out, **how)
        return lines

    return run


@pytest.fixture
def starts(toy, tmp_path):
    """Return the function that counts how often a seed was started so far."""
    return lambda seed: len(list((tmp_path / "notes").glob(f"{seed}_*")))


def arrays_of(out: Path) -> dict[str, dict[str, np.ndarray]]:
    return {
        path.name: {name: array for name, array in np.load(path).items() if name != "__header__"}
        for path in (out / "seeds").iterdir()
    }


def assert_same_seeds(one: Path, other: Path, seeds: int) -> None:
    one, other = arrays_of(one), arrays_of(other)
    for name in (f"seed_{seed}.npz" for seed in range(seeds)):
        np.testing.assert_array_equal(one[name]["y"], other[name]["y"])
        assert one[name]["threads"] == other[name]["threads"] == 1


def test_seeds_are_equal_for_any_number_of_workers(toy, starts, tmp_path):
    lines = toy(LocalBackend(2), seeds=3)
    assert lines[0] == "prepared"
    for seed in range(3):
        ours = [line for line in lines if line.startswith(f"seed {seed}: ")]
        assert ours[:3] == [f"seed {seed}: {x}" for x in ("half", f"of {seed}", "a warning")]
        assert "done" in ours[-1] and len(ours) == 4
    toy(Here(), out="here", seeds=3)
    assert_same_seeds(tmp_path / "out", tmp_path / "here", 3)
    toy(LocalBackend(1), out="one", seeds=1)
    assert_same_seeds(tmp_path / "one", tmp_path / "here", 1)


def test_workers_use_the_engine_of_their_parent(toy, tmp_path):
    toy(LocalBackend(1), seeds=1, engine=Engine(kind="replayed"))
    assert arrays_of(tmp_path / "out")["seed_0.npz"]["engine"] == "replayed"


def test_what_is_done_is_kept(toy, starts, tmp_path):
    toy(Here(), seeds=2)
    out = tmp_path / "out"
    first = arrays_of(out)
    assert set(first) == {"shared.npz", "seed_0.npz", "seed_1.npz"}
    assert not list((out / "checkpoints").iterdir())
    assert (out / "result.txt").read_text().startswith("[(0, ")

    lines = toy(Here(), seeds=2)
    assert lines == ["shared by all seeds: kept", "seed 0: kept", "seed 1: kept"]
    lines = toy(Here(), seeds=3)  # only the new one
    assert [starts(seed) for seed in range(3)] == [1, 1, 1]
    (out / "seeds" / "seed_1.npz").write_bytes(b"damaged")
    lines = toy(Here(), seeds=3)
    assert "seed 0: kept" in lines
    np.testing.assert_array_equal(arrays_of(out)["seed_1.npz"]["y"], first["seed_1.npz"]["y"])
    lines = toy(Here(), seeds=1, offset=2.0)  # other settings: everything
    assert not any("kept" in line for line in lines)
    np.testing.assert_array_equal(
        arrays_of(out)["seed_0.npz"]["y"], first["seed_0.npz"]["y"] + 1.0
    )


def test_results_of_another_revision_are_kept_and_named(toy, monkeypatch):
    monkeypatch.setattr(sweep, "revision", lambda: "new")
    monkeypatch.setattr(workers, "revision", lambda: "0ld")
    toy(Here(), seeds=1)
    lines = toy(Here(), seeds=1)
    assert lines[-1] == "seed 0: kept from revision 0ld; delete it to run it anew"


def test_a_seed_whose_worker_is_killed_goes_on_to_the_same_result(toy, starts, tmp_path):
    lines = toy(LocalBackend(2), trouble="dies once", out="killed", seeds=2)
    assert any(line.startswith("seed 1: its worker ended with -9") for line in lines)
    assert [starts(seed) for seed in range(2)] == [1, 2]
    assert arrays_of(tmp_path / "killed")["seed_1.npz"]["resumed"]
    toy(Here(), seeds=2)
    assert_same_seeds(tmp_path / "killed", tmp_path / "out", 2)


def test_a_seed_whose_worker_always_dies_is_given_up_and_the_others_kept(toy, starts, tmp_path):
    toy(Here(), trouble="always dies", seeds=1)
    with pytest.raises(WorkerError, match=r"seed 1 died 3 times.*--workers"):
        toy(LocalBackend(1), trouble="always dies", seeds=2)
    assert [starts(seed) for seed in range(2)] == [1, ATTEMPTS]
    assert "seed_0.npz" in arrays_of(tmp_path / "out")


@pytest.mark.parametrize(
    ("trouble", "kind", "sentence"),
    [("rejects", DataError, "give it some"), ("bug", RuntimeError, "KeyError: 'a bug of seed 1'")],
)
def test_what_a_seed_raises_is_raised_and_not_tried_again(toy, starts, trouble, kind, sentence):
    toy(Here(), trouble=trouble, seeds=1)
    with pytest.raises(kind, match=sentence):
        toy(LocalBackend(1), trouble=trouble, seeds=2)
    assert starts(1) == 1


def test_a_worker_that_does_not_end_is_ended(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "EXIT_S", 0.5)
    toy(LocalBackend(2), trouble="stays", seeds=2)
    assert not list(tmp_path.rglob("stayed"))
    assert set(arrays_of(tmp_path / "out")) >= {"seed_0.npz", "seed_1.npz"}


def pids_in(notes: Path) -> list[int]:
    return [int(path.name.partition("_")[2]) for path in notes.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_the_sweep(tmp_path, number):
    notes = tmp_path / "notes"
    notes.mkdir()
    (tmp_path / "go.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "go.py"), str(notes), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    try:
        wait_until(lambda: len(pids_in(notes)) == 2)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: everybody gets it
        else:
            process.send_signal(number)
        _, error = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode in (-number, 128 + number)
    assert error.count("Traceback") == (number == signal.SIGINT)  # none of a worker
    wait_until(lambda: not any(map(runs, pids_in(notes))))


def test_ray_gives_the_same_and_runs_a_killed_seed_again(toy, starts, tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    lines = toy(RayBackend(2), trouble="dies once", out="ray", seeds=2)
    assert starts(1) == 2
    assert sum("done" in line for line in lines) == 2
    toy(Here(), seeds=2)
    assert_same_seeds(tmp_path / "ray", tmp_path / "out", 2)


def test_without_ray_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install ray` \(extra ml3_ros\[ray\]\)"):
        RayBackend()


def test_a_cluster_that_does_not_answer_is_named_at_once(toy, monkeypatch):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ConfigError, match=f"no Ray at {address}.*RAY_ADDRESS"):
            toy(RayBackend())


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_a_number_of_workers_below_one_is_rejected(backend):
    with pytest.raises(ConfigError, match="workers must be >= 1, got 0"):
        backend(0)


def test_progress_shows_bars_as_percentages_and_passes_lines_on():
    lines = []
    progress = _Progress([], lines.append)
    for text in ("\r", "phi:  10%|#   ", "\rphi:  50%|##  | 5/10", "\n", "one ", "line\n", "\n"):
        progress.log(4, text)
    assert lines == ["seed 4: one line"]
    progress.log(5, "\rphi:  70%|###")
    assert progress.status == "4: phi: 50%, 5: phi: 70%"
    progress.done(4)
    assert progress.status == "5: phi: 70%"
    progress.close()


def test_cached_arrays_are_whole_or_nothing(tmp_path):
    path = tmp_path / "a" / "seed_0.npz"
    arrays = {"panel/x": np.arange(3.0), "loss": np.frombuffer(b"abc", dtype=np.uint8)}
    assert load_arrays(path, "f") is None
    save_arrays(path, arrays, "f", "abc123")
    found, revision = load_arrays(path, "f")
    assert revision == "abc123"
    assert found.keys() == arrays.keys()
    assert found["loss"].tobytes() == b"abc"
    assert load_arrays(path, "g") is None
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    assert load_arrays(path, "f") is None
    with pytest.raises(ValueError, match="pickle"):
        save_arrays(path, {"x": np.array([object()])}, "f", "")


def test_fingerprints_tell_arrays_and_settings_apart():
    one = {"x": np.array([1.0, 2.0])}
    assert fingerprint("a", {"b": 1}, one) == fingerprint("a", {"b": 1}, {"x": one["x"].copy()})
    for other in ({"x": np.array([[1.0, 2.0]])}, {"y": one["x"]}, {"x": one["x"] + 1}):
        assert fingerprint(other) != fingerprint(one)
    assert fingerprint({"b": 1}) != fingerprint({"b": 2})
