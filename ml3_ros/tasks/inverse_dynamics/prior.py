"""Teach a `RigidBodyPrior` an arm's dynamics, from Pinocchio's regressor (at meta-train only)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ml3_ros.core.prior_loss import PRIOR
from ml3_ros.core.rigid_body_prior import RigidBodyPrior
from ml3_ros.core.types import Params
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.trajectories import ExcitationConfig
from ml3_ros.tasks.inverse_dynamics.units import Units

Array = NDArray[np.float64]

MASS_SPREAD = 0.15  # standard deviation of a link's mass over arms of a kind, as a share of it
SPREAD = 0.5  # standard deviation of taught positions, as a share of the excitation's reach


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorConfig:
    """How a prior is trained."""

    hidden: tuple[int, ...] = (192, 192)
    n_positions: int = 20_000
    n_speeds: int = 4  # random velocities at every position
    n_steps: int = 6000
    batch_size: int = 256
    lr: float = 3e-3
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TaughtPrior:
    """A prior network, what it was taught, and how well.

    Attributes:
        network: The structure.
        params: Its parameters.
        options: Those of `core.prior_loss.PriorLoss` that belong to it.
        error: Relative error of the terms' torques on positions never seen, (K,).
    """

    network: RigidBodyPrior
    params: Params
    options: dict[str, object]
    error: tuple[float, ...]

    @property
    def constants(self) -> Params:
        """The parameters under their names within phi."""
        return {f"{PRIOR}.{k}": p for k, p in self.params.items()}


def teach_prior(
    robot: str,
    units: Units,
    excitation: ExcitationConfig,
    *,
    with_nle: bool,
    config: PriorConfig | None = None,
) -> TaughtPrior:
    """Train a network of the nominal arm and of what each mass and the payload add to it.

    Args:
        robot: Name of the arm, or path of its description.
        units: The arm's units, which become those of the network.
        excitation: Tells the workspace.
        with_nle: Whether to teach gravity and Coriolis torques too.
        config: How to train.
    """
    config = config or PriorConfig()
    description = load_robot(robot)
    rng = np.random.default_rng(config.seed)
    spread = SPREAD * (excitation.centre + excitation.amplitude)
    n = len(units.joint_names)
    q = description.home + spread * rng.standard_normal((config.n_positions, n))
    v = rng.standard_normal((config.n_positions, config.n_speeds, n))
    inertia, nle = _terms(description, units, q, v, with_nle=with_nle)
    n_terms = inertia.shape[1]
    power = tuple(math.sqrt(e * a) for e, a in zip(units.effort, units.acceleration, strict=True))
    network = RigidBodyPrior(power, n_terms, hidden=config.hidden, with_nle=with_nle)
    data = [torch.from_numpy(x.astype(np.float32)) for x in (q, v, inertia, nle)]
    params, error = _fit(network, data, config)
    options: dict[str, object] = {
        "spread": (*[MASS_SPREAD] * n, max(description.payload_limit, 1e-3)),
        "velocity": units.velocity,
        "power": power,
        "prior_hidden": config.hidden,
        "with_nle": with_nle,
    }
    return TaughtPrior(network=network, params=params, options=options, error=error)


def _terms(
    description: RobotDescription, units: Units, q: Array, v: Array, *, with_nle: bool
) -> tuple[Array, Array]:
    """Return M (N, K, n, n) and F at each velocity (N, V, K, n) of every term, in units."""
    model = PinocchioModel(description)
    n = model.nv
    parameters = model.inertial_parameters()
    effort, speed, acceleration = (
        np.array(x) for x in (units.effort, units.velocity, units.acceleration)
    )

    def torques(q: Array, v: Array, a: Array) -> Array:
        """Return what the whole arm, each link, and 1 kg at the tool need, (..., K, n)."""
        regressor = model.regressor(q, v, a)
        links = (regressor[..., : 10 * n] * parameters[: 10 * n]).reshape(len(q), n, n, 10)
        whole = regressor @ parameters
        payload = model.payload_torque(q, v, a)
        parts = [whole[:, None], links.sum(-1).swapaxes(1, 2), payload[:, None]]
        return np.concatenate(parts, axis=1) / effort

    zero = np.zeros_like(q)
    gravity = torques(q, zero, zero)
    columns = [
        torques(q, zero, zero + scale * np.eye(n)[j]) - gravity
        for j, scale in enumerate(acceleration)
    ]
    inertia = np.stack(columns, axis=-1)
    if not with_nle:
        return inertia, np.zeros((len(q), v.shape[1], *gravity.shape[1:]))
    nle = [torques(q, v[:, i] * speed, zero) for i in range(v.shape[1])]
    return inertia, np.stack(nle, axis=1)


def _fit(
    network: RigidBodyPrior, data: list[Tensor], config: PriorConfig
) -> tuple[Params, tuple[float, ...]]:
    """Train on nine tenths of the positions; return parameters and errors on the rest."""
    generator = torch.Generator().manual_seed(config.seed)
    params = {k: p.requires_grad_() for k, p in network.init(generator).items()}
    n_train = 9 * len(data[0]) // 10
    train, test = [x[:n_train] for x in data], [x[n_train:] for x in data]
    # every term counts alike, and M as much as F
    size = [train[2].square().mean((0, 2, 3)), train[3].square().mean((0, 1, 3))]
    optimizer = torch.optim.Adam(params.values(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.lr, total_steps=config.n_steps, pct_start=0.05
    )
    for _ in tqdm(range(config.n_steps), desc="prior", leave=False, mininterval=1.0):
        rows = torch.randint(n_train, (config.batch_size,), generator=generator)
        errors = _errors(network, params, [x[rows] for x in train])
        value = sum((e / s.clamp_min(1e-12)).mean() for e, s in zip(errors, size, strict=True))
        optimizer.zero_grad()
        torch.as_tensor(value).backward()
        nn.utils.clip_grad_norm_(params.values(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        errors = _errors(network, params, test)
    found = {k: p.detach() for k, p in params.items()}
    share = (errors[0] + errors[1]) / (size[0] + size[1]).clamp_min(1e-12)
    return found, tuple(float(x) for x in share.sqrt())


def _errors(network: RigidBodyPrior, params: Params, rows: list[Tensor]) -> list[Tensor]:
    """Return the mean squared error of M and of F for every term, (K,) each."""
    q, v, inertia, nle = rows
    n_speeds = v.shape[1]
    found, _ = network.terms(params, q, v[:, 0])
    errors = [(found - inertia).square().mean((0, 2, 3))]
    if not network.with_nle:
        return [errors[0], torch.zeros_like(errors[0])]
    predicted = torch.stack([network.terms(params, q, v[:, i])[1] for i in range(n_speeds)], 1)
    return [errors[0], (predicted - nle).square().mean((0, 1, 3))]
