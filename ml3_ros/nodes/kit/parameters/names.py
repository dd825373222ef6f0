# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameter that says what the joints of an arm are called in its joint states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param


@dataclass(frozen=True, kw_only=True)
class NameParameters(NodeParameters):
    """Names of joints in joint_states."""

    rename: Annotated[
        str,
        Param(
            "names in joint_states in terms of the arm's: a prefix, or SENT=NAME, separated by "
            "commas; empty: one prefix that tells all names apart is found"
        ),
    ] = ""
