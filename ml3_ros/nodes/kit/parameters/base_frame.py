# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter of nodes that know no model of the arm: the frame that their headers name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param

BASE_FRAME_HELP = "frame of the robot's base, which headers name and poses are in"


@dataclass(frozen=True, kw_only=True)
class FrameParameters(NodeParameters):
    """The frame of the robot's base."""

    base_frame: Annotated[str, Param(BASE_FRAME_HELP)] = "base"
