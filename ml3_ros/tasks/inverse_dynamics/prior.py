# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Training of a `RigidBodyPrior` on Pinocchio's regressor of an arm (at meta-train only)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.core.losses.rigid_body_prior import RigidBodyPrior
from ml3_ros.core.types import Params
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.control.trajectories import ExcitationConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recipes import NleSetting

Array = NDArray[np.float64]

MASS_SPREAD = 0.15  # standard deviation of a link's mass over arms of a kind, as a share of it
SMALLEST = 1e-8  # of a mean square, in units: terms that are zero everywhere
SPREAD = 0.5  # standard deviation of taught positions, as a share of the excitation's reach


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorConfig:
    """How a prior is trained."""

    hidden: tuple[int, ...] = (192, 192)
    n_positions: int = 20_000
    n_steps: int = 6000
    batch_size: int = 256
    lr: float = 3e-3
    seed: int = 0


def teach_prior(
    robot: str,
    units: Units,
    excitation: ExcitationConfig,
    *,
    nle: NleSetting,
    config: PriorConfig | None = None,
) -> TaughtPrior:
    """Train a network of the nominal arm and of what each mass and the payload add to it.

    With the nominal F known (nle = "residual") only what the masses add to F is taught.

    Args:
        robot: Name of the arm, or path of its description.
        units: The arm's units, which become those of the network.
        excitation: Spans the workspace.
        nle: What of F(q, v) the learner is given; the rest is taught.
        config: How to train.
    """
    config = config or PriorConfig()
    description = load_robot(robot)
    rng = np.random.default_rng(config.seed)
    spread = SPREAD * (excitation.centre + excitation.amplitude)
    n = len(units.joint_names)
    q = description.home + spread * rng.standard_normal((config.n_positions, n))
    power = tuple(math.sqrt(e * a) for e, a in zip(units.effort, units.acceleration, strict=True))
    n_terms = n + 2
    network = RigidBodyPrior(power, n_terms, hidden=config.hidden, with_nle=nle != "given")
    parts = _parts(network, PinocchioModel(description), units, q)
    if nle == "residual":
        for forces in parts[1:]:
            forces[:, 0] = 0.0
    data = [torch.from_numpy(x.astype(np.float32)) for x in (q, *parts)]
    params, error = _fit(network, data, config)
    options: dict[str, object] = {
        "spread": (*[MASS_SPREAD] * n, max(description.payload_limit, 1e-3)),
        "velocity": units.velocity,
        "power": power,
        "prior_hidden": config.hidden,
        "with_nle": network.with_nle,
    }
    return TaughtPrior(network=network, params=params, options=options, error=error)


def _parts(network: RigidBodyPrior, model: PinocchioModel, units: Units, q: Array) -> list[Array]:
    """Return the targets of `network.parts` at positions q (N, n)."""
    n = model.nv
    parameters = model.inertial_parameters()
    effort, speed, acceleration, power = (
        np.array(x) for x in (units.effort, units.velocity, units.acceleration, network.power)
    )
    rows, columns = network.rows.numpy(), network.columns.numpy()

    def torques(v: Array, a: Array) -> Array:
        """Return what the whole arm, each link, and 1 kg at the tool need, (N, K, n)."""
        wide = [np.tile(x, (len(q), 1)) for x in (v, a)]
        regressor = model.regressor(q, *wide)
        links = (regressor[..., : 10 * n] * parameters[: 10 * n]).reshape(len(q), n, n, 10)
        whole = regressor @ parameters
        payload = model.payload_torque(q, *wide)
        parts = [whole[:, None], links.sum(-1).swapaxes(1, 2), payload[:, None]]
        return np.asarray(np.concatenate(parts, axis=1) / effort)

    zero, unit = np.zeros(n), np.eye(n)
    gravity = torques(zero, zero)
    pushed = [torques(zero, acceleration[j] * unit[j]) - gravity for j in range(n)]
    inertia = np.stack(pushed, axis=-1) / (power / power[:, None])
    parts = [inertia[..., rows, columns]]
    if not network.with_nle:
        return parts
    alone = [torques(speed[i] * unit[i], zero) - gravity for i in range(n)]
    coriolis = [
        alone[i]
        if i == j
        else torques(speed[i] * unit[i] + speed[j] * unit[j], zero) - gravity - alone[i] - alone[j]
        for i, j in zip(rows, columns, strict=True)
    ]
    stacked = np.stack(coriolis, axis=-1)
    return [*parts, gravity, stacked.reshape((*stacked.shape[:2], -1))]


def _fit(
    network: RigidBodyPrior, data: list[Tensor], config: PriorConfig
) -> tuple[Params, tuple[float, ...]]:
    """Train on nine tenths of the positions; return parameters and errors on the rest."""
    generator = torch.Generator().manual_seed(config.seed)
    params = {k: p.requires_grad_() for k, p in network.init(generator).items()}
    n_train = 9 * len(data[0]) // 10
    train, test = [x[:n_train] for x in data], [x[n_train:] for x in data]
    size = [x.square().mean((0, 2)).clamp_min(SMALLEST) for x in train[1:]]
    optimizer = torch.optim.Adam(params.values(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.lr, total_steps=config.n_steps, pct_start=0.05
    )
    for _ in tqdm(range(config.n_steps), desc="prior", leave=False, mininterval=1.0):
        rows = torch.randint(n_train, (config.batch_size,), generator=generator)
        shares = _errors(network, params, [x[rows] for x in train], size)
        optimizer.zero_grad()
        torch.stack([share.mean() for share in shares]).sum().backward()
        nn.utils.clip_grad_norm_(params.values(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        shares = _errors(network, params, test, size)
    trained = {k: p.detach() for k, p in params.items()}
    return trained, tuple(float(share[0].sqrt()) for share in shares)


def _errors(
    network: RigidBodyPrior, params: Params, rows: list[Tensor], size: list[Tensor]
) -> list[Tensor]:
    """Return the mean squared error of each part over its size: every term counts alike, (K,)."""
    outputs = network.parts(params, rows[0])
    return [
        (x - truth).square().mean((0, 2)) / scale
        for x, truth, scale in zip(outputs, rows[1:], size, strict=True)
    ]
