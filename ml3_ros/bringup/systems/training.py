# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training before a system's nodes start: on simulated arms like its own, for loss:=train.

Where the stream of an arm cannot be had twice, nothing can be meta-trained on it first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml3_ros.bringup.description import Step
from ml3_ros.bringup.placeholders import model_of
from ml3_ros.files import user_path

TRAINED = "losses/ml3_trained.safetensors"  # in the folder of the run


def training_for(robot: str) -> Callable[[Mapping[str, Any]], list[Step]]:
    """Return what a system runs before its nodes: `ml3 train` where loss:=train asks for it.

    Args:
        robot: The argument that names the robot.
    """

    def before(values: Mapping[str, Any]) -> list[Step]:
        if values["loss"] != "train":
            return []
        file = user_path(values["out"]) / TRAINED
        words = ("train", f"robot={model_of(robot, values)}", *values["recipe"].split())
        kept = values.get("resume") and file.exists()
        trained = {"loss": str(file)}
        made = () if kept else (*words, f"seed={values['seed']}", "--out", str(file))
        return [Step(name="train", words=made, values=trained)]

    return before
