"""The same meta-gradient through `higher`: any `nn.Module` and any of its optimizers.

Slower, because models are trained one by one, but it shares no code with the functional engine
and runs models that were not written for it. The two are held equal by tests.
"""

from collections.abc import Callable, Sequence

import higher
import torch
from torch import Tensor, nn

from ml3_ros.core.inner_loop import LossFunction
from ml3_ros.core.types import Batch, Params


def meta_gradient_higher(
    theta: Params,
    phi: Params,
    batches: Sequence[Batch],
    outer: Callable[[Params], Tensor],
    *,
    optimizee: nn.Module,
    loss: LossFunction,
    make_optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
    step_sizes: Callable[[Params, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Params, Params]:
    """Return (task loss (), grad_phi of it, theta') after one inner step per batch.

    Args:
        theta: Parameters of one optimizee (no leading dimensions), by name.
        phi: Loss parameters, by name.
        batches: The observed batch of every inner step.
        outer: theta' -> task loss ().
        optimizee: Any module with parameters named as in theta; called as `optimizee(batch)`.
            Its own parameters are overwritten by theta.
        loss: The loss M_phi.
        make_optimizer: Builds the inner optimizer, for instance `torch.optim.SGD` with a rate;
            `higher` replaces it by its differentiable twin.
        step_sizes: (phi, count) -> learned step size of each parameter group of that optimizer,
            or None to leave them as they are.
    """
    optimizee.load_state_dict(theta)
    phi = {k: p.detach().requires_grad_() for k, p in phi.items()}
    names = [name for name, _ in optimizee.named_parameters()]
    optimizer = make_optimizer(list(optimizee.parameters()))
    with higher.innerloop_ctx(
        optimizee, optimizer, copy_initial_weights=True, track_higher_grads=True
    ) as (model, differentiable_optimizer):
        for count, batch in enumerate(batches):
            age = next(iter(theta.values())).new_tensor(float(count))
            steps = {"lr": list(step_sizes(phi, age))} if step_sizes else None
            differentiable_optimizer.step(loss(phi, model, batch, age), override=steps)
        adapted = dict(zip(names, model.parameters(), strict=True))
        outer_loss = outer(adapted)
        grads = torch.autograd.grad(outer_loss, tuple(phi.values()))
    return (
        outer_loss.detach(),
        dict(zip(phi, grads, strict=True)),
        {k: p.detach() for k, p in adapted.items()},
    )
