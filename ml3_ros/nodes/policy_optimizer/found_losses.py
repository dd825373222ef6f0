# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses that a run begins with: shipped ones, those of another arm, or files, by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, LossFileError
from ml3_ros.files import user_path
from ml3_ros.learners.inverse_dynamics.units import for_joints
from ml3_ros.nodes.kit import loss_files
from ml3_ros.nodes.policy_optimizer.parameters import FROM_ELSEWHERE, PolicyOptimizerParameters
from ml3_ros.zoo import losses_for, shipped, shipped_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundLoss:
    """A loss that a run begins with.

    Attributes:
        method: That learns under it.
        loss: For the joints of the run.
        borrowed: Where it comes from, if it was trained for another arm: then its units are that
            arm's, and those of the run have to be measured. "" for a loss of this arm.
    """

    method: str
    loss: LearnedLoss
    borrowed: str = ""


def found_losses(
    parameters: PolicyOptimizerParameters, joints: Sequence[str]
) -> Iterator[FoundLoss]:
    """Yield the losses that the parameters name.

    Args:
        parameters: Of the node.
        joints: Of the run; () while they are not known.

    Raises:
        LossFileError: A file is missing, damaged or for other joints, or none ships.
        ConfigError: A parameter does not fit.
    """
    if "network" in parameters.models:
        if parameters.loss == "shipped":
            yield from _shipped(parameters, joints)
        elif parameters.loss not in FROM_ELSEWHERE:
            name = next(iter(parameters.shipped_losses), "")
            yield _of_file(name, parameters.loss, parameters.robot, joints)
    for text in parameters.losses:
        name, equals, file = text.partition("=")
        if not equals:
            raise ConfigError(f"losses: '{text}' is not NAME=FILE")
        yield _of_file(name, file, parameters.robot, joints)


def _shipped(p: PolicyOptimizerParameters, joints: Sequence[str]) -> Iterator[FoundLoss]:
    """Yield the shipped losses of the arm; else those of one of as many joints."""
    first = shipped().get(f"{p.robot}_{loss_files.LEARNED[0]}")
    if first is not None and tuple(joints) in ((), LearnedLoss.load(first).spec.target.labels):
        further = [name for name in loss_files.FURTHER if f"{p.robot}_{name}" in shipped()]
        for name in p.shipped_losses or [*loss_files.LEARNED, *further]:
            yield FoundLoss(method=name, loss=shipped_loss(f"{p.robot}_{name}"))
        return
    lent = losses_for(len(joints))
    donors = dict.fromkeys(stem.partition("_ml3_")[0] for stem in lent)
    donor = p.robot if p.robot in donors else next(iter(donors), "")
    if not donor and p.losses:  # these do
        return
    if not donor:
        raise LossFileError(_none_ships(p.robot, joints))
    methods = [stem.removeprefix(f"{donor}_") for stem in lent if stem.startswith(f"{donor}_")]
    for name in p.shipped_losses or methods:
        if name not in methods:
            raise LossFileError(
                f"{name} of another arm cannot serve {p.robot}: name some of "
                f"{', '.join(methods)} in shipped_losses"
            )
        stem = f"{donor}_{name}"
        yield FoundLoss(method=name, loss=for_joints(lent[stem], joints), borrowed=stem)


def _none_ships(robot: str, joints: Sequence[str]) -> str:
    if not joints:
        return f"no learned loss ships for {robot}, and its joints are not known: set `joints`"
    return (
        f"no learned loss ships for arms of {len(joints)} joints, as {robot} has: learn without "
        "by loss:=none, meta-train one on simulated arms like it by loss:=train, or give one by "
        "loss:=FILE, which `ml3 train robot=FILE.urdf --out FILE.safetensors` makes"
    )


def _of_file(method: str, file: str, robot: str, joints: Sequence[str]) -> FoundLoss:
    """Return a loss of a file or of the package, for the joints of the run."""
    path = shipped().get(file) or user_path(file)
    loss = LearnedLoss.load(path)
    method = method or loss_files.method_of(path)
    own = loss.spec.target.labels
    fits = not joints or own == tuple(joints)
    of_another = file in shipped() and loss.provenance.get("robot") != robot
    if fits and (not of_another or not joints):
        return FoundLoss(method=method, loss=loss)
    if not fits and (loss.spec.constants(loss.phi) or set(own) & set(joints)):
        loss.check_labels(joints)  # a prior is of one arm alone; and mixed names are a mistake
    try:
        return FoundLoss(method=method, loss=for_joints(loss, joints), borrowed=file)
    except LossFileError as error:
        raise LossFileError(
            f"the loss {file} is for {len(own)} joints, but {robot} has {len(joints)} "
            f"({', '.join(joints)}): learn without by loss:=none, meta-train one by loss:=train, "
            "or give one of as many joints"
        ) from error
