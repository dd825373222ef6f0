# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A policy_optimizer, and the arm that it learns from."""

from __future__ import annotations

import pytest

from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from test.node.policy_optimizer.bench import (
    NAMES,
)


@pytest.fixture
def optimizer(graph, tmp_path):
    """Return a function that makes a policy_optimizer and the arm that it listens to."""

    def make(**parameters):
        defaults = {"joints": list(NAMES), "loss": "none", "out": str(tmp_path / "out"),
                    "learn_duration": 4.0, "hold_out_duration": 1.0, "steps_per_window": 2,
                    "units_samples": 50}  # fmt: skip
        node = graph.add(PolicyOptimizer, "policy_optimizer", **(defaults | parameters))
        arm = graph.arm(node)
        arm.adaptation = graph.listen_to_methods(
            arm.probe, "ml3_shaped", "ml3_unshaped", "sgd_tuned", "adam_tuned"
        )
        return node, arm

    return make
