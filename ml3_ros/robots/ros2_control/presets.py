# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Presets of arms behind ros2_control: what each kind of driver does with efforts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml3_ros.errors import ConfigError

PRESET_NAMES = ("ur", "franka", "gazebo", "generic")
PresetName = Literal["ur", "franka", "gazebo", "generic"]
Gravity = Literal["robot", "included"]
AMPERES = 0.1  # current that the emulated arm of the preset `ur` reports for 1 N m [A/(N m)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """One kind of driver.

    Attributes:
        gravity: Who holds the arm up: the `robot` adds gravity torques to every effort, or they
            have to be `included` in it.
        effort_scale: Of the efforts in joint_states, over torques [1/(N m)]: 1, or currents.
        effort_controller: Usual name of the controller that takes efforts.
        trajectory_controller: Usual name of the controller that takes trajectories.
        order: Order of the joints in joint_states: by name, as described, or backwards.
        gripper: Name of a joint that joint_states hold beside the arm's; "" for none.
    """

    gravity: Gravity
    effort_scale: float = 1.0
    effort_controller: str
    trajectory_controller: str
    order: Literal["sorted", "described", "reversed"]
    gripper: str = ""

    def ordered(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the joints of an arm in the order of joint_states, the gripper among them."""
        if self.order == "sorted":
            listed = sorted(names)
        else:
            listed = list(names if self.order == "described" else reversed(names))
        return tuple(listed[:1] + [self.gripper] * bool(self.gripper) + listed[1:])

    @property
    def reports_torques(self) -> bool:
        """Whether the efforts in joint_states are torques."""
        return self.effort_scale == 1.0


PRESETS: dict[str, Preset] = {
    "ur": Preset(
        gravity="robot",
        effort_scale=AMPERES,
        effort_controller="forward_effort_controller",
        trajectory_controller="scaled_joint_trajectory_controller",
        order="sorted",
    ),
    "franka": Preset(
        gravity="robot",
        effort_controller="forward_effort_controller",
        trajectory_controller="joint_trajectory_controller",
        order="described",
        gripper="finger_joint",
    ),
    "gazebo": Preset(
        gravity="included",
        effort_controller="effort_controller",
        trajectory_controller="joint_trajectory_controller",
        order="described",
        gripper="gripper_joint",
    ),
    "generic": Preset(
        gravity="included",
        effort_controller="forward_effort_controller",
        trajectory_controller="joint_trajectory_controller",
        order="reversed",
        gripper="gripper_joint",
    ),
}


def preset_of(name: str) -> Preset:
    """Return the preset of a name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}: use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def order_of(joints: tuple[str, ...], among: tuple[str, ...]) -> list[int]:
    """Return where `joints` stand among others.

    Raises:
        ConfigError: They are not the same joints.
    """
    if sorted(joints) != sorted(among):
        raise ConfigError(
            f"joints are {', '.join(among)}, and {', '.join(joints)}: name each of the model's "
            "once, in the order of the controller's own parameter joints"
        )
    return [among.index(joint) for joint in joints]
