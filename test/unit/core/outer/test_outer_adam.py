# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Adam on phi is that of torch."""

from __future__ import annotations

import torch

from ml3_ros.core.outer import adam as outer_adam


def test_steps_are_those_of_torch(float64):
    generator = torch.Generator().manual_seed(0)

    def draw():
        return {k: torch.randn(s, generator=generator) for k, s in (("a", (3, 2)), ("b", (4,)))}

    phi = draw()
    theirs = {k: torch.nn.Parameter(p.clone()) for k, p in phi.items()}
    optimizer = torch.optim.Adam([{"params": [theirs["a"]]}, {"params": [theirs["b"]]}])
    state = outer_adam.init(phi)
    for i in range(20):
        grads = draw()
        rates = {"a": 0.1 / (1 + i), "b": 0.02}
        for (k, p), group in zip(theirs.items(), optimizer.param_groups, strict=True):
            p.grad, group["lr"] = grads[k], rates[k]
        optimizer.step()
        for k, lr in rates.items():
            outer_adam.step(phi, grads, state, [k], lr)
    for k, p in phi.items():
        torch.testing.assert_close(p, theirs[k].detach(), rtol=1e-12, atol=1e-14)


def test_float64_losses_are_stepped_in_float64_and_counted_as_the_kernel_reads():
    phi = {"a": torch.ones(3, dtype=torch.float64)}
    theirs = torch.nn.Parameter(phi["a"].clone())
    optimizer = torch.optim.Adam([theirs])
    torch.set_default_dtype(torch.float64)
    state = outer_adam.init(phi)
    torch.set_default_dtype(torch.float32)
    assert state["count.a"].dtype == torch.float32  # on a GPU its bytes are taken for one
    generator = torch.Generator().manual_seed(0)
    for _ in range(1000):
        theirs.grad = torch.randn(3, generator=generator, dtype=torch.float64)
        optimizer.step()
        outer_adam.step(phi, {"a": theirs.grad}, state, ["a"], 1e-3)
    torch.testing.assert_close(phi["a"], theirs.detach(), rtol=1e-12, atol=1e-14)


def test_layout_of_a_gradient_in_memory_does_not_matter(float64):
    gradient = torch.arange(6.0).reshape(2, 3) - 2.0
    updated = []
    for layout in (gradient, gradient.t().contiguous().t()):
        phi = {"a": torch.zeros(2, 3)}
        outer_adam.step(phi, {"a": layout}, outer_adam.init(phi), ["a"], 0.1)
        updated.append(phi["a"])
    torch.testing.assert_close(updated[1], updated[0])
    assert (updated[0] * gradient <= 0.0).all()
