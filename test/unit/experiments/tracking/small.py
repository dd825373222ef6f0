# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tracking experiment with settings so small that it takes seconds."""

from __future__ import annotations

from ml3_ros.experiments.tracking.config import TrackingConfig

SMALL = TrackingConfig(
    methods=("feedback_only", "rigid_body", "adam_tuned", "ml3_shaped"),
    seeds=2,
    n_robots=2,
    n_validation_robots=1,
    marks=(0.0, 1.0),
    test_seconds=1.5,
    settle_seconds=0.5,
    period=0.5,
    after_seconds=1.0,
)
