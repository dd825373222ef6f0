# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter of how a physical model tells that its arm has taken up a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.identification.live.payload import LearnedPayloadConfig, PayloadChangeConfig
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param

_CONFIGS = {"no": None, "rule": PayloadChangeConfig(), "learned": LearnedPayloadConfig()}


@dataclass(frozen=True, kw_only=True)
class PayloadParameters(NodeParameters):
    """How changes of payload are told, for nodes that learn a physical model."""

    tell_payload: Annotated[
        Literal["no", "rule", "learned"],
        Param(
            "take for a payload at once what a body at the last link explains, by a rule or by a "
            "learned loss; no: it counts as a touch for as long as the physical model takes to "
            "learn it"
        ),
    ] = "no"

    @property
    def payload(self) -> PayloadChangeConfig | LearnedPayloadConfig | None:
        """The configuration of that choice; None: not at all."""
        return _CONFIGS[self.tell_payload]
