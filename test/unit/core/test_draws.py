# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Draws for many seeds at once are those of each seed alone."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.draws import rand, randint
from ml3_ros.core.networks import Mlp


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize(
    "draw", [lambda g, n: rand(g, n, 5, 2), lambda g, n: randint(g, 3, 40, n, 6)]
)
def test_seeds_draw_as_they_do_alone(draw):
    together = generators(0, 7, 3)
    alone = generators(0, 7, 3)
    for _ in range(2):  # the second draw goes on where the first ended
        expected = torch.cat([draw(g, 4) for g in alone])
        assert torch.equal(draw(together, 12), expected)
    assert len(expected.unique(dim=0)) == 12


def test_networks_of_many_seeds_start_as_they_do_alone():
    net = Mlp((3, 8, 2))
    together = net.init(generators(1, 2), (6,))
    for seed, rows in ((1, slice(0, 3)), (2, slice(3, 6))):
        for name, expected in net.init(generators(seed)[0], (3,)).items():
            assert torch.equal(together[name][rows], expected)


def test_rows_that_cannot_be_shared_are_rejected():
    with pytest.raises(ValueError, match="2 seeds cannot share 5 rows"):
        rand(generators(0, 1), 5)
