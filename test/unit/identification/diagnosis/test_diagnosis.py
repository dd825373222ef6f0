# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each fault of a simulated recording is named with the option that cures it, and no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.identification.recorded.signals import SignalConfig, in_model_terms
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel

LIMIT = np.array([80.0, 60.0, 20.0])  # of the URDF in conftest
NAMES = ("turn", "lift", "bend")


def turned(recording, *signs):
    s = np.array(signs)
    return replace(recording, q=recording.q * s, v=recording.v * s, tau=recording.tau * s)


def shifted(recording, *by):
    return replace(recording, q=recording.q + np.array(by))


def efforts(recording, function):
    return replace(recording, tau=function(recording.tau))


# fault: recording -> faulty one, what is said, and the options that are named and cure it
FAULTS = {
    "degrees": (
        lambda r: replace(r, q=np.rad2deg(r.q), v=np.rad2deg(r.v)),
        "degrees? position_unit=deg",
        {"position_unit": "deg"},
    ),
    "a joint reversed": (
        lambda r: turned(r, 1, -1, 1),
        "lift counts the other way round than the model; joint_sign=1,-1,1 leaves",
        {"joint_sign": (1, -1, 1)},
    ),
    "two joints reversed": (
        lambda r: turned(r, 1, -1, -1),
        "joint_sign=1,-1,-1 leaves",
        {"joint_sign": (1, -1, -1)},
    ),
    "a joint shifted": (
        lambda r: shifted(r, 0, np.pi / 2, 0),
        "the zero of lift is turned by -1.57 rad; joint_offset=0,-1.57",
        {"joint_offset": (0, -np.pi / 2, 0)},
    ),
    "a joint shifted by little": (
        lambda r: shifted(r, 0, 0, 0.5),
        "the zero of bend is turned by -0.5",
        {"joint_offset": (0, 0, -0.5)},
    ),
    "reversed and shifted": (
        lambda r: turned(shifted(r, 0, 0, 1.2), 1, 1, -1),
        "bend counts the other way round than the model, and the zero",
        {"joint_sign": (1, 1, -1), "joint_offset": (0, 0, -1.2)},
    ),
    "efforts of two joints swapped": (
        lambda r: efforts(r, lambda tau: tau[:, [0, 2, 1]]),
        "the efforts of lift and bend are swapped; effort_order=turn,bend,lift leaves",
        {"effort_order": ("turn", "bend", "lift")},
    ),
    "effort reversed": (
        lambda r: efforts(r, lambda tau: -tau),
        "the effort of turn, lift, bend has the other sign: the driver publishes the load",
        {"effort_sign": (-1,)},
    ),
    "effort of one joint reversed": (
        lambda r: efforts(r, lambda tau: tau * [1, -1, 1]),
        "effort_sign=1,-1,1 leaves",
        {"effort_sign": (1, -1, 1)},
    ),
    "per mille": (
        lambda r: efforts(r, lambda tau: 1000 * tau / LIMIT),
        "not in N m (per mille of the joint's largest torque?)",
        {"effort_scale": tuple(LIMIT / 1000)},
    ),
    "current": (
        lambda r: efforts(r, lambda tau: tau / [9.0, 11.0, 6.0]),
        "not in N m (motor current",
        {"effort_scale": (9.0, 11.0, 6.0)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_fault_is_named_and_the_option_cures_it(fault, seed, record, problems):
    spoil, sentence, cure = FAULTS[fault]
    recording = record(seed)
    faulty = spoil(recording)
    said = problems(faulty)
    assert len(said) >= 1 and sentence in " ".join(said), said
    cured = in_model_terms(faulty, SignalConfig(**cure))
    np.testing.assert_allclose(cured.q, recording.q, atol=0.02)
    np.testing.assert_allclose(cured.tau, recording.tau, atol=1e-9)
    assert problems(cured) == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_efforts_without_gravity_are_told_and_a_model_without_it_fits(
    seed, arm, record, problems, model
):
    recording = record(seed)
    still = np.zeros_like(recording.q)
    floating = efforts(recording, lambda tau: tau - model.rnea(recording.q, still, still))
    assert "gravity=robot" in " ".join(problems(floating))
    weightless = PinocchioModel(replace(arm, gravity=np.zeros(3)))
    assert problems(floating, weightless) == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_payload_that_the_urdf_lacks_is_weighed(seed, record, problems):
    said = " ".join(problems(record(seed, payload=1.5)))
    assert "1.5 kg more behind bend than the model has" in said
    assert "0.25 m from that joint; a payload or hand is mounted that the URDF lacks" in said


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_hand_of_the_urdf_that_is_not_mounted_is_told(seed, arm, record, problems):
    with_hand = PinocchioModel(arm, Perturbation(payload=1.0))
    said = " ".join(problems(record(seed), with_hand))
    assert "kg less behind bend than the model has" in said
    assert "hand or payload of the URDF is not mounted" in said


@pytest.mark.parametrize("seed", range(50))
def test_fifty_clean_recordings_raise_no_alarm(seed, record, problems):
    """Arms whose masses are 15 % off, with rotors, much or little friction and noise."""
    rng = np.random.default_rng(100 + seed)
    recording = record(
        seed,
        noise=rng.uniform(0.0, 0.1),
        friction=rng.choice([0.05, 0.3, 1.0, 2.0]),
        rotor=rng.uniform(0.0, 0.1),
        masses=tuple(rng.uniform(0.85, 1.15, 3)),
    )
    assert problems(recording) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"joint_sign": (2.0,)}, "joint_sign must be 1 or -1"),
        ({"effort_scale": (-1.0,)}, "effort_scale must be > 0"),
        ({"effort_scale": (np.nan,)}, "effort_scale must be finite"),
        ({"joint_offset": (1.0, 2.0)}, "joint_offset has 2 numbers: give one, or one for each of"),
        (
            {"effort_order": ("lift", "lift", "turn")},
            "effort_order must name turn, lift, bend once",
        ),
    ],
)
def test_options_that_do_not_fit_are_rejected(wrong, sentence, record):
    with pytest.raises(ConfigError, match=sentence):
        in_model_terms(record(0), SignalConfig(**wrong))
