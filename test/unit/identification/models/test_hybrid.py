# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The gate of the hybrid: a residual that fresh samples do not confirm stays closed."""

from __future__ import annotations

import torch

from ml3_ros.identification.models.residual import SMALLEST_SHARE, gate, residual_size


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_prediction_that_is_there_comes_through():
    residual = draw(3, 400, 2)
    assert torch.all(gate(residual, residual) > 0.99)
    noisy = residual + 0.3 * draw(3, 400, 2, seed=1)
    assert torch.all((gate(noisy, residual) > 0.8) & (gate(noisy, residual) <= 1.0))


def test_noise_and_the_opposite_do_not():
    residual = draw(50, 400, 2)
    for wrong in (draw(50, 400, 2, seed=1), -residual):
        assert torch.all(gate(residual, wrong) == 0.0)


def test_too_much_of_the_right_thing_is_scaled_down():
    residual = draw(1, 400, 2)
    torch.testing.assert_close(gate(residual, 4.0 * residual), torch.full((1, 2), 0.25))


def test_nothing_predicted_is_no_division_by_zero():
    assert torch.all(gate(draw(1, 8, 2), torch.zeros(1, 8, 2)) == 0.0)


def test_sizes_are_those_of_the_residual_but_never_zero():
    effort = torch.tensor((2.0, 10.0))
    found = residual_size(torch.tensor([[3.0, 0.0], [-3.0, 0.0]]), effort)
    torch.testing.assert_close(found, torch.tensor((1.5, SMALLEST_SHARE)))
