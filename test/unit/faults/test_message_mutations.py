# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, UInt16

from faults.mutations.messages import KINDS, mutated
from ml3_msgs.msg import InertiaPrior, LearnedLoss


def drawn(good, seed):
    rng = random.Random(seed)
    return [mutated(good, rng) for _ in range(200)]


def comparable(drawn):
    """Return what can be compared; NaN differs from itself, and padding bytes are random."""
    return [(kind, len(msg) if isinstance(msg, bytes) else repr(msg)) for kind, msg in drawn]


def a_state():
    return JointState(name=["a", "b"], position=[1.0, 2.0], velocity=[0.0, 1.0], effort=[0.0, 0.0])


def test_the_same_seed_gives_the_same_messages_and_leaves_the_good_one_alone():
    good = a_state()
    first = comparable(drawn(good, 0))
    assert first == comparable(drawn(good, 0))
    assert first != comparable(drawn(good, 1))
    assert good == a_state()
    assert sum(data == repr(good) for _, data in first) < 0.2 * len(first)


@pytest.mark.parametrize(
    ("good", "without"),
    [
        (a_state(), {"quaternions"}),
        (PoseStamped(), {"names", "lengths", "huge arrays"}),
        (InertiaPrior(joint_names=["a"], inertia=[1.0], nle=[0.0]), {"quaternions"}),
        (LearnedLoss(data=b"abc", joint_names=["a"]), {"quaternions"}),
        (Bool(), set(KINDS) - {"numbers"}),
        (UInt16(), set(KINDS) - {"numbers"}),
        (Float64(), set(KINDS) - {"numbers"}),
    ],
)
def test_every_kind_that_fits_a_type_comes_and_makes_a_message(good, without):
    kinds = {kind for kind, _ in drawn(good, 0)}
    assert kinds == (set(KINDS) - without) | {"damaged bytes"}


def test_a_message_without_fields_stays_as_it_is():
    assert mutated(Empty(), random.Random(0)) == ("none", Empty())
