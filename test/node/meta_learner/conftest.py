# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An active meta_learner with its arm and a client."""

from __future__ import annotations

import pytest

from ml3_ros.nodes.meta_learner.node import MetaLearner
from test.node.meta_learner.bench import ALIKE, SUCCESS, Client


@pytest.fixture
def learner(graph, tmp_path):
    """Return a function that makes an active meta_learner, its arm and a client."""

    def make(**parameters):
        defaults = {
            **ALIKE,
            "out": str(tmp_path / "out"),
            "record_seconds": 2.0,
            "checkpoint_period": 0.1,
        }
        node = graph.add(MetaLearner, "meta_learner", **(defaults | parameters))
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        arm = graph.arm(node)
        return node, arm, Client(graph, arm.probe)

    return make
