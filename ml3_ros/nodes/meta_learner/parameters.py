# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of `meta_learner`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.filtered_stream import FilterParameters
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.base_frame import FrameParameters


@dataclass(frozen=True, kw_only=True)
class MetaLearnerParameters(FilterParameters, FrameParameters):
    """The stream to train on, how long to train, and where the losses go."""

    robot: Annotated[str, Param("name of the arm, which is kept in the losses")] = "sawyer"
    joints: Annotated[
        tuple[str, ...], Param("joint names in the order of all arrays; must be set")
    ] = ()
    record_seconds: Annotated[
        float, Param("length of the stream that a training uses [s]", (2, 3600), live=True)
    ] = 60.0
    segment_seconds: Annotated[
        float,
        Param(
            "length of a piece of that stream, which is one training task [s]", (1, 600), live=True
        ),
    ] = 15.0
    iterations: Annotated[
        int,
        Param(
            "number of outer steps where a goal does not give it [-]", (1, 1_000_000), live=True
        ),
    ] = 300
    checkpoint_period: Annotated[
        float, Param("time between checkpoints of a training [s]", (0.1, 3600), live=True)
    ] = 5.0
    out: Annotated[
        str,
        Param(
            "folder of checkpoints and losses; the services read and write only in its subfolder "
            "`losses`"
        ),
    ] = "out/meta_learner"
    resume: Annotated[
        bool,
        Param("go on with a goal that an earlier process began; false: begin every goal anew"),
    ] = True
