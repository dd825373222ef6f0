"""The task loss of eq. (7) and (8): its gradient is that of the return, seen by no model."""

from torch import Tensor

SMALLEST_SPREAD = 1e-6  # of advantages: episodes that were all alike teach nothing


def surrogate(log_likelihoods: Tensor, weights: Tensor) -> Tensor:
    """Return -mean_e sum_t w_et log pi(a_et|s_et) (*lead,), both arguments (*lead, E, T).

    With the return R_e of the episode as its weights this is eq. (8). Its gradient, not its value,
    is what counts.
    """
    return -(weights.detach() * log_likelihoods).sum(-1).mean(-1)


def returns(rewards: Tensor) -> Tensor:
    """Return the weights of eq. (8): the return of an episode, at every time (*lead, E, T)."""
    return rewards.sum(-1, keepdim=True).expand_as(rewards)


def advantages(rewards: Tensor, discount: float) -> Tensor:
    """Return weights (*lead, E, T) with far less variance.

    The discounted sum of the rewards from t on, less its mean at t over the E episodes of the same
    policy, in units of its standard deviation over all of them. Without a discount the expected
    gradient is that of eq. (8), up to a positive factor.
    """
    sums = rewards.clone()
    for t in range(rewards.shape[-1] - 2, -1, -1):
        sums[..., t] += discount * sums[..., t + 1]
    centred = sums - sums.mean(-2, keepdim=True)
    spread = centred.square().mean((-2, -1), keepdim=True).sqrt()
    return centred / spread.clamp_min(SMALLEST_SPREAD)
