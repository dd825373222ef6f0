# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Networks that learn the rows, or what a fit leaves of them; many folds and seeds are one batch.

A network learns for as many steps as serve left-out inner groups best, joint by joint, and of what
it adds to a fit each joint takes the share that was found in every inner group: where one of them
knows none of it, the fit stays as it is. Nothing is chosen by held-out rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import LossFileError
from ml3_ros.files import user_path
from ml3_ros.identification.fits import Fit, training_masks
from ml3_ros.identification.models.residual import ResidualLearner, gate, residual_size
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.split import INNER, Rows
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units, for_joints, rescaled
from ml3_ros.zoo import KINDS, losses_for, shipped

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trained:
    """Networks trained on the rows: predictions, left-out error and chosen settings.

    `predicted` (S, R, n) is the effort by the networks of all rows that may be learned from, the
    fit beneath included; `error` [-] the left-out error that settings were chosen by, in units of
    the torque's variance, mean over joints; `steps` (n,) and `share` (S, n) what was chosen.
    """

    predicted: Array
    error: float
    steps: NDArray[np.intp]
    share: Array
    loss: LearnedLoss


def find_loss(name: str | None, units: Units) -> tuple[LearnedLoss, str]:
    """Return the learned loss for an arm, and a sentence about where it comes from.

    A loss sees normalised signals, so one that was trained for another arm of as many joints can
    serve; its first joint then stands for the first of this arm, and so on.

    Args:
        name: Shipped loss or file; without it a shipped one of this arm's joints, or else of as
            many joints.
        units: Of the arm.

    Raises:
        LossFileError: There is none for so many joints.
    """
    if name is not None:
        paths = shipped()
        loss = LearnedLoss.load(paths.get(name, user_path(name)))
        if len(loss.spec.target.scale) != units.n_joints or loss.spec.target.name != "tau":
            raise LossFileError(
                f"loss {name} is not one for the torques of {units.n_joints} joints: train one "
                "with `ml3 train robot=FILE.urdf recipe.architecture=adaptive --out FILE`"
            )
        return rescaled(for_joints(loss, units.joint_names), units), f"losses: {name}"
    candidates = []
    for stem, loss in losses_for(units.n_joints).items():
        robot, _, kind = stem.partition("_ml3_")
        other = loss.spec.target.labels != units.joint_names
        candidates.append(((other, KINDS.index(kind)), stem, robot, loss))
    if not candidates:
        raise LossFileError(
            f"no shipped loss is for {units.n_joints} joints: train one with `ml3 train "
            "robot=FILE.urdf recipe.architecture=adaptive --out FILE` and give it as loss=FILE"
        )
    (other, _), stem, robot, loss = min(candidates, key=lambda candidate: candidate[0])
    words = f"the shipped loss {stem}, meta-trained on simulated arms like {robot}"
    if other:
        words += ", joint by joint in the place of this arm's"
    return rescaled(for_joints(loss, units.joint_names), units), words


def adam(units: Units, step: float) -> LearnedLoss:
    """Return the squared error with Adam."""
    return squared_error(units, "tau", "adam", step)


def units_of(rows: Rows) -> Units:
    """Return the scales of the rows that may be learned from."""
    learned = rows.learnable
    return Units.from_samples(
        rows.joint_names, rows.v[learned], rows.a[learned], rows.tau[learned]
    )


def train_best(
    rows: Rows,
    base: Fit | None,
    losses: Sequence[LearnedLoss],
    config: NetworkConfig,
    stepped: Callable[[], None] = lambda: None,
) -> Trained:
    """Train with each of `losses` and return what is best on left-out inner groups.

    Args:
        rows: The samples.
        base: A fit whose residual is learned; without one the effort itself is.
        losses: Each with its update rule.
        config: Steps, seeds and sizes.
        stepped: Called after every gradient step.
    """
    trained = [_train(rows, base, loss, config, stepped) for loss in losses]
    return min(trained, key=lambda result: result.error)


def _train(
    rows: Rows,
    base: Fit | None,
    loss: LearnedLoss,
    config: NetworkConfig,
    stepped: Callable[[], None],
) -> Trained:
    masks = [mask & rows.learnable for mask in training_masks(rows)]
    lead = (len(masks), config.seeds)
    net = InverseDynamicsNet(units_of(rows), hidden=config.hidden)
    effort = torch.tensor(net.units.effort)
    signals = {
        name: torch.as_tensor(getattr(rows, name), dtype=torch.float32) for name in ("q", "v", "a")
    }
    tau = torch.as_tensor(rows.tau, dtype=torch.float32)
    explained = _explained(tau, base, masks)  # (F, R, n)
    left = tau - explained
    size = torch.ones(len(masks), tau.shape[1])
    if base is not None:
        size = torch.stack(
            [residual_size(x[mask], effort) for x, mask in zip(left, masks, strict=True)]
        )
    size = size.unsqueeze(1).expand(*lead, -1)
    generator = torch.Generator().manual_seed(config.seeds)
    theta = net.init(generator, lead)
    learner = ResidualLearner(net, loss, theta, lead)
    choices = [torch.as_tensor(np.flatnonzero(mask)) for mask in masks]
    folds = torch.arange(len(masks))[:, None, None]
    snapshots = []
    for step in range(config.marks[-1]):
        index = torch.stack(
            [
                learnable[
                    torch.randint(
                        len(learnable), (config.seeds, config.batch_size), generator=generator
                    )
                ]
                for learnable in choices
            ]
        )
        batch = {name: x[index] for name, x in signals.items()}
        learner.step(batch, left[folds, index], size)
        stepped()
        if step + 1 in config.marks:
            every = {name: x.expand(*lead, *x.shape) for name, x in signals.items()}
            snapshots.append(learner.predict(every, size))
    return _chosen(rows, loss, explained, left, torch.stack(snapshots), config, base is not None)


def _explained(tau: Tensor, base: Fit | None, masks: list[NDArray[np.bool_]]) -> Tensor:
    """Return what is there before a network is (F, R, n): a fit, or else the mean torque."""
    if base is not None:
        return torch.as_tensor(base.predicted, dtype=torch.float32)
    return torch.stack([tau[mask].mean(0).expand_as(tau) for mask in masks])


def _chosen(
    rows: Rows,
    loss: LearnedLoss,
    explained: Tensor,
    left: Tensor,
    snapshots: Tensor,
    config: NetworkConfig,
    gated: bool,
) -> Trained:
    """Choose steps and shares by left-out rows; snapshots are (C, F, S, R, n)."""
    learned = np.flatnonzero(rows.learnable)
    group = torch.as_tensor(rows.group[learned])
    at = torch.as_tensor(learned)
    # of every row that may be learned from, by the networks that did not learn from it
    unseen = snapshots[:, group, :, at].permute(1, 2, 0, 3)  # (C, S, L, n)
    true = left[group, at]  # (L, n)
    share = torch.ones(unseen.shape[0], unseen.shape[1], unseen.shape[3])
    if gated:
        true_of, unseen_of = (
            [x[..., group == g, :] for g in range(INNER)] for x in (true, unseen)
        )
        shares = [gate(x.expand_as(y), y) for x, y in zip(true_of, unseen_of, strict=True)]
        share = torch.stack(shares).amin(0)
    variance = torch.as_tensor(rows.tau[learned].var(axis=0), dtype=torch.float32)
    error = (true - share.unsqueeze(-2) * unseen).square().mean(-2) / variance.clamp_min(1e-12)
    error = torch.where(error.isfinite(), error, torch.inf).mean(1)  # (C, n), over seeds
    best = error.argmin(0)
    joints = torch.arange(error.shape[1])
    final = snapshots[best, -1, :, :, joints].permute(1, 2, 0)  # (S, R, n)
    kept = share[best, :, joints].T  # (S, n)
    predicted = explained[-1] + kept.unsqueeze(1) * final
    return Trained(
        predicted=predicted.double().numpy(),
        error=float(error[best, joints].mean()),
        steps=np.array(config.marks)[best.numpy()],
        share=kept.double().numpy(),
        loss=loss,
    )


def left_out(fit: Fit, rows: Rows) -> Array:
    """Return the predictions (L, n) of learnable rows by the fits that did not see their group."""
    learned = np.flatnonzero(~rows.held_out)
    assert fit.predicted.shape[0] == INNER + 1
    return np.asarray(fit.predicted[rows.group[learned], learned])
