"""Recordings made ready to learn from, and the table of a real UR10."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml3_ros.data.bags import JointRecording, read_joint_states
from ml3_ros.errors import DataError, RobotError
from ml3_ros.identification.models.recorded import check_model, filtered_samples
from ml3_ros.identification.models.scores import nmse
from ml3_ros.reports.online.references import model_references
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

# published beside the clone; see its README for where it comes from
UR10 = Path(__file__).resolve().parents[5] / "shared/data/ur10_exciting_trajectory.db3"


@pytest.fixture
def recording():
    """4 s of two joints at 125 Hz, a sine each."""
    t = 0.008 * np.arange(500)
    phase = np.outer(t, [2.0, 3.0])
    return JointRecording(
        names=("a", "b"),
        t=t,
        q=np.sin(phase),
        v=np.cos(phase) * [2.0, 3.0],
        tau=np.ones((500, 2)) * t[:, None],
        start_ns=0,
        topic="/joint_states",
    )


def test_accelerations_are_the_derivative_and_the_rest_is_as_recorded(recording):
    samples = filtered_samples(recording, window=31)
    expected = -np.sin(np.outer(recording.t, [2.0, 3.0])) * [4.0, 9.0]
    np.testing.assert_allclose(samples.a[20:-20], expected[20:-20], atol=2e-3)
    np.testing.assert_array_equal(samples.v, recording.v)
    np.testing.assert_array_equal(samples.tau, recording.tau)
    assert samples.joint_names == ("a", "b")
    assert np.isinf(samples.learn_until)


def test_a_gap_splits_the_recording(recording):
    keep = np.ones(500, dtype=bool)
    keep[200:260] = False  # a gap
    keep[280:300] = False  # 20 samples between the two: too short for the filter
    parts = {name: getattr(recording, name)[keep] for name in ("t", "q", "v", "tau")}
    samples = filtered_samples(replace(recording, **parts), window=31)
    np.testing.assert_array_equal(samples.t, recording.t[np.r_[:200, 300:500]])
    whole = filtered_samples(recording, window=31)
    at = np.r_[20:180, 320:480]
    np.testing.assert_allclose(samples.a[np.r_[20:180, 220:380]], whole.a[at])
    with pytest.raises(DataError, match="no 401 samples in a row"):
        filtered_samples(replace(recording, **parts), window=401)


@pytest.mark.parametrize("kind", ["lost", "jitter", "both"])
def test_jitter_and_single_losses_split_nothing(recording, kind):
    rng = np.random.default_rng(0)
    t = recording.t + (kind != "lost") * 0.3 * 0.008 * rng.uniform(-1.0, 1.0, 500)
    phase = np.outer(t, [2.0, 3.0])
    moved = replace(recording, t=t, q=np.sin(phase), v=np.cos(phase) * [2.0, 3.0])
    keep = (kind == "jitter") | (rng.random(500) > 0.05)
    parts = {name: getattr(moved, name)[keep] for name in ("t", "q", "v", "tau")}
    samples = filtered_samples(replace(moved, **parts))
    assert len(samples.t) >= keep.sum() - 32
    expected = -np.sin(np.outer(samples.t, [2.0, 3.0])) * [4.0, 9.0]
    np.testing.assert_allclose(samples.a, expected, atol=2e-2)


@pytest.mark.skipif(not UR10.exists(), reason="the recording is not beside the clone")
def test_the_table_of_the_ur10():
    try:
        model = PinocchioModel(load_robot("ur10"))
    except RobotError as error:
        pytest.skip(str(error))
    samples = filtered_samples(read_joint_states(UR10, joints=model.names))
    assert samples.t.shape == (3441,)
    table = check_model(samples, model)
    expected = [
        [0.212, 0.944, 0.861, 0.271, 0.009, 0.032],
        [0.957, 0.109, 0.266, 0.987, 1.049, 1.004],
        [0.024, 0.007, 0.008, 0.013, 0.020, 0.096],
    ]
    rows = [table.correlation, table.alone, table.fitted]
    np.testing.assert_array_equal(np.round(rows, 3), expected)
    fit = model_references(samples, model, window=8, seconds=[])["classical_fit"]
    assert nmse(fit.predicted, samples.tau).mean() == pytest.approx(0.0293, abs=1e-4)
    with pytest.raises(DataError, match="the model has joints"):
        check_model(replace(samples, joint_names=samples.joint_names[::-1]), model)
