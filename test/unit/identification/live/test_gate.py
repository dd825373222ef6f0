# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gate of a network: it opens where that helps, shuts where it harms, and never chatters."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.gate import GateConfig, PrequentialGate

UNIT = np.array([1.0, 2.0])


def run(gate, seconds, without, with_network, first=0.0):
    """Stream constant errors at 10 Hz; return the times of switches [s]."""
    switches = []
    for k in range(round(10 * seconds)):
        t = first + 0.1 * k
        if gate.push(t, without * UNIT, with_network * UNIT, np.zeros(2)):
            switches.append(t)
    return switches


def test_it_opens_after_the_window_and_shuts_when_the_network_harms():
    gate = PrequentialGate(UNIT, GateConfig(seconds=2.0))
    assert run(gate, 4.0, 1.0, 0.5) == [pytest.approx(1.8)] and gate.open
    assert gate.ratio == pytest.approx(0.5)
    (shut,) = run(gate, 4.0, 1.0, 3.0, first=4.0)
    # as soon as the mean over two seconds is worse than without: a quarter of it at three
    assert shut == pytest.approx(4.4, abs=0.11) and not gate.open
    assert gate.switches == 2


def test_between_both_limits_it_stays_as_it_is():
    gate = PrequentialGate(UNIT, GateConfig(seconds=1.0, opens=0.9, shuts=1.0))
    assert run(gate, 3.0, 1.0, 0.95) == [] and not gate.open
    run(gate, 2.0, 1.0, 0.5, first=3.0)
    assert gate.open
    assert run(gate, 3.0, 1.0, 0.95, first=5.0) == [] and gate.open


def test_what_is_let_through_is_never_worse_over_the_window():
    """Random errors: whenever the gate is open, the network was better over the last seconds."""
    rng, gate = np.random.default_rng(0), PrequentialGate(np.ones(1), GateConfig(seconds=1.0))
    seen = []
    for k in range(2000):
        without, with_network = np.abs(rng.normal(size=2)) + np.array([0.5, 0.5 + np.sin(k / 150)])
        gate.push(0.01 * k, np.array([without]), np.array([with_network]), np.zeros(1))
        seen.append((0.01 * k, abs(without), abs(with_network)))
        window = [x for x in seen if x[0] >= 0.01 * k - 1.0]
        if gate.open:
            assert sum(x[2] for x in window) <= sum(x[1] for x in window) + 1e-9
    assert gate.switches >= 4


def test_a_network_that_is_not_finite_is_shut_out():
    gate = PrequentialGate(UNIT, GateConfig(seconds=1.0))
    run(gate, 2.0, 1.0, 0.1)
    assert gate.push(2.0, UNIT, np.array([np.nan, 0.0]), np.zeros(2)) and not gate.open
    run(gate, 2.0, 1.0, 0.1, first=2.1)
    assert gate.open


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0.0}, {"opens": 0.0}, {"opens": 1.0, "shuts": 0.9}, {"shuts": 1.1}]
)
def test_settings_that_cannot_work_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        GateConfig(**wrong)
