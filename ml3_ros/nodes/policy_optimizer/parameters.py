# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `policy_optimizer`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.nodes.kit.filtered_stream import FilterParameters
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.base_frame import FrameParameters
from ml3_ros.nodes.kit.parameters.payload import PayloadParameters

LONGEST_S = 10 * 86400.0
FROM_ELSEWHERE = ("train", "none")  # of `loss`: the node opens no file
MODELS = ("network", "physical", "physical_and_network")


def _check_models(names: tuple[str, ...]) -> str | None:
    if names and len(set(names)) == len(names) and set(names) <= set(MODELS):
        return None
    return f"name some of {', '.join(MODELS)}, each once"


@dataclass(frozen=True, kw_only=True)
class PolicyOptimizerParameters(FilterParameters, FrameParameters, PayloadParameters):
    """The methods that learn, their losses, the plan of the run, and where results go."""

    robot: Annotated[str, Param("name of the arm, by which shipped losses are chosen")] = "sawyer"
    model: Annotated[
        str,
        Param(
            "the arm, by its name or path of a URDF or MJCF, which `ml3 report` draws and "
            "physical models begin as; for networks alone this node never opens it; empty: `robot`"
        ),
    ] = ""
    models: Annotated[
        tuple[str, ...],
        Param(
            "what learns: network (no model of the arm, one for each loss), physical (masses and "
            "friction of the arm), physical_and_network (a network for what that leaves, used "
            "only while it helps)",
            check=_check_models,
        ),
    ] = ("network",)
    physical_loss: Annotated[
        Literal["learned", "robust", "least_squares"],
        Param(
            "what physical models learn under: learned and robust leave out what touches the arm, "
            "least_squares does not"
        ),
    ] = "learned"
    joints: Annotated[
        tuple[str, ...],
        Param("joint names in the order of all arrays; unset: those of the losses"),
    ] = ()
    reliable: Annotated[
        bool,
        Param(
            "whether joint_states that get lost on the way are asked for again; false also hears "
            "drivers that send each only once (best effort)"
        ),
    ] = True
    loss: Annotated[
        str,
        Param(
            "where learned losses come from: those of the package (shipped; where none ships for "
            "the arm, those of one of as many joints), the topic learned_loss (train), nowhere "
            "(none), or one from a file or a shipped one by its name",
            check=lambda loss: None if loss else "give shipped, train, none or a file",
        ),
    ] = "shipped"
    shipped_losses: Annotated[
        tuple[str, ...],
        Param(
            "methods whose shipped losses are used; unset: all that ship for the arm. The first "
            "is also the method of a loss from a file"
        ),
    ] = ()
    losses: Annotated[
        tuple[str, ...], Param("further methods with learned losses, each NAME=FILE")
    ] = ()
    loss_folder: Annotated[
        str, Param("folder below which the service load_learned_loss may read")
    ] = "."
    sgd_lr: Annotated[
        float,
        Param(
            "step size of the baseline sgd_tuned, descent on the squared error; 0: without it [-]",
            (0, 10),
        ),
    ] = 0.03
    sgd_clip_norm: Annotated[
        float,
        Param("norm to which gradients of sgd_tuned are clipped [-]", (1e-6, 1e6)),
    ] = 1.0
    adam_lr: Annotated[
        float,
        Param(
            "step size of the baseline adam_tuned, Adam on the squared error; 0: without it [-]",
            (0, 10),
        ),
    ] = 0.003
    steps_per_window: Annotated[
        int,
        Param(
            "number of gradient steps of every method per 8 samples; lower it where samples get "
            "lost because learning takes too long [-]",
            (1, 100),
        ),
    ] = 4
    units_velocity: Annotated[
        tuple[float, ...],
        Param(
            "typical velocity of each joint, by which networks scale it [rad/s]; unset: that of "
            "the losses, else measured"
        ),
    ] = ()
    units_acceleration: Annotated[
        tuple[float, ...],
        Param(
            "typical acceleration of each joint, by which networks scale it [rad/s^2]; unset: as "
            "for units_velocity"
        ),
    ] = ()
    units_effort: Annotated[
        tuple[float, ...],
        Param(
            "typical torque of each joint, by which networks scale it [N m]; unset: as for "
            "units_velocity"
        ),
    ] = ()
    units_samples: Annotated[
        int,
        Param(
            "number of samples in motion from which these scales are measured where neither "
            "parameters nor losses of this arm give them [-]",
            (20, 100_000),
        ),
    ] = 200
    learn_duration: Annotated[
        float, Param("time of the stream in which models learn [s]", (0.1, LONGEST_S), live=True)
    ] = 60.0
    hold_out_duration: Annotated[
        float,
        Param(
            "time after that in which models are frozen and tested [s]", (0, LONGEST_S), live=True
        ),
    ] = 20.0
    silence_timeout: Annotated[
        float,
        Param(
            "time without joint_states after which the run ends; 0: never [s]",
            (0, 3600),
            live=True,
        ),
    ] = 0.0
    checkpoint_period: Annotated[
        float, Param("time of the stream between checkpoints [s]", (0.1, 3600), live=True)
    ] = 10.0
    model_period: Annotated[
        float,
        Param(
            "time between models on the topic learned_model, for a controller that feeds their "
            "torques forward; 0: none are sent [s]",
            (0, 60),
        ),
    ] = 0.0
    seed: Annotated[int, Param("seed of initial models and batches", (0, 2**31 - 1))] = 0
    out: Annotated[str, Param("folder of the results")] = "out/policy_optimizer"
    resume: Annotated[bool, Param("go on from the checkpoint in `out`")] = False
