# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""References that know the arm's structure: least squares on the regressor, and the prior."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.losses.prior import PriorLoss, TaughtPrior
from ml3_ros.core.types import Batch
from ml3_ros.identification.models.least_squares import (
    NO_COLUMNS,
    JointColumns,
    RecursiveLeastSquares,
    TorqueRegressor,
)
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily

Array = NDArray[np.float64]

COLUMNS = {"least_squares": NO_COLUMNS, "least_squares_friction": JointColumns()}
RIDGE = 1e-6  # on parameters in SI units, with torques in the arm's units
MOST_SAMPLES = 2000  # that identify the prior: more do not change it


def samples_after(family: InverseDynamicsFamily, task: int, n_steps: int) -> NDArray[np.int64]:
    """Return the samples that have come after so many gradient steps, in the order of coming.

    On a stream these are the first ones. Elsewhere as many random ones, each once, as the batches
    held.
    """
    sampling, n = family.sampling, family.recordings.n_support
    if sampling.steps_per_window:
        windows = -(-n_steps // sampling.steps_per_window)
        return np.arange(min(n, windows * sampling.window))
    order = np.random.default_rng(task).permutation(n)
    return order[: min(n, n_steps * sampling.batch_size)]


class ArmRegressor:
    """The rows of one robot's recording: known part and regressor of the torque to be learned.

    Args:
        family: The recordings, and what of F is given.
        robot: Name of the arm.
        columns: Friction columns beside the rigid-body regressor.
        nominal_known: Whether F of the arm as described was taken off the torques.
    """

    def __init__(
        self,
        family: InverseDynamicsFamily,
        robot: str,
        columns: JointColumns,
        *,
        nominal_known: bool,
    ) -> None:
        self.family, self.nominal_known = family, nominal_known
        self.model = PinocchioModel(load_robot(robot))
        self.regressor = TorqueRegressor(self.model, columns)

    def rows(self, task: int) -> tuple[Array, Array, Array]:
        """Return Y (T, n, p), the whole torque (T, n) [N m], and the known part of it (T, n)."""
        recordings = self.family.recordings
        q, v, a, tau = (
            getattr(recordings, k)[task].double().numpy() for k in ("q", "v", "a", "tau")
        )
        known = np.zeros_like(tau)
        if self.nominal_known:
            known = self.model.nle(q, v)
        elif self.family.optimizee.nle_mode == "given":
            assert recordings.nle is not None  # as every optimizee that is given it has it
            known = recordings.nle[task].double().numpy()
            return self.regressor(q, v, a), tau, known
        return self.regressor(q, v, a), tau + known, known


def least_squares_curves(
    family: InverseDynamicsFamily, robot: str, marks: Sequence[int], *, nominal_known: bool
) -> dict[str, Array]:
    """Return the held-out NMSE (1, tasks, C, n) of least squares on the same samples, by method.

    It starts from zero parameters: it knows the kinematics, but no mass. Without friction on any
    robot its friction columns are left out.
    """
    frictionless = family.optimizee.nle_mode == "given"
    kinds = {"least_squares": NO_COLUMNS} if frictionless else COLUMNS
    effort = np.array(family.optimizee.units.effort)
    curves = {}
    for name, columns in kinds.items():
        arm = ArmRegressor(family, robot, columns, nominal_known=nominal_known)
        curves[name] = np.stack(
            [_task_curve(arm, task, marks, effort) for task in range(len(family.recordings))]
        )[None]
    return curves


def _task_curve(arm: ArmRegressor, task: int, marks: Sequence[int], effort: Array) -> Array:
    rows, tau, known = arm.rows(task)
    held_out = slice(arm.family.recordings.n_support, None)
    target = (tau - known)[held_out]
    solver = RecursiveLeastSquares(rows.shape[-1], ridge=RIDGE, noise=effort)
    curve, used = [], 0
    for mark in marks:
        samples = samples_after(arm.family, task, mark)
        fresh = samples[used:]
        used = len(samples)
        if len(fresh):
            solver.update(rows[fresh], tau[fresh])
        predicted = solver.predict(rows[held_out]) - known[held_out]
        curve.append(nmse(torch.from_numpy(predicted), torch.from_numpy(target)).numpy())
    return np.stack(curve)


def prior_curves(
    family: InverseDynamicsFamily, prior: TaughtPrior, marks: Sequence[int]
) -> dict[str, Array]:
    """Return the held-out NMSE (1, tasks, C, n) of the prior used as the model itself, by method.

    `prior_as_model` is its nominal arm, which never learns; `prior_identified` finds masses,
    payload and friction in the samples that have come, as the loss that carries it does.
    """
    tasks = torch.arange(len(family.recordings))
    network = _identifier(family, prior)
    held_out = _normalised(family, family.held_out(tasks))
    target = family.held_out(tasks)[family.optimizee.target]
    names = ("prior_as_model", "prior_identified")
    curves: dict[str, list[Array]] = {name: [] for name in names}
    effort = torch.tensor(family.optimizee.units.effort)
    for mark in marks:
        seen = [samples_after(family, task, mark)[-MOST_SAMPLES:] for task in tasks.tolist()]
        samples = torch.from_numpy(np.stack(seen)) if len(seen[0]) else torch.zeros(len(tasks), 1)
        batch = family.observe(tasks, samples.long())
        belief, _ = network.identify(
            prior.constants,
            # before the first sample the nominal arm is all there is to believe in
            batch[family.optimizee.target] / effort,
            _normalised(family, batch),
        )
        nominal = type(belief)(
            torch.zeros_like(belief.terms).index_fill(-1, torch.tensor([0]), 1.0),
            torch.zeros_like(belief.friction),
        )
        beliefs = dict(zip(names, (nominal, belief if mark else nominal), strict=True))
        for name, chosen in beliefs.items():
            inertia, nle = network.believed(prior.constants, chosen, held_out["q"], held_out["v"])
            torque = (inertia @ held_out["a"].unsqueeze(-1)).squeeze(-1) + nle
            curves[name].append(nmse(torque * effort, target).double().numpy())
    return {name: np.stack(rows, axis=1)[None] for name, rows in curves.items()}


def _identifier(family: InverseDynamicsFamily, prior: TaughtPrior) -> PriorLoss:
    n = family.optimizee.units.n_joints
    return PriorLoss(n, {"q": n, "v": n, "a": n}, **prior.options)


def _normalised(family: InverseDynamicsFamily, batch: Batch) -> Batch:
    units = family.optimizee.units
    scale = {"v": torch.tensor(units.velocity), "a": torch.tensor(units.acceleration)}
    return {"q": batch["q"], **{k: batch[k] / x for k, x in scale.items()}}
