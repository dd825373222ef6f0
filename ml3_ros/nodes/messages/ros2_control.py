# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Interfaces of ros2_control that are found at run time: on no package index, but beside arms."""

from __future__ import annotations

import importlib
from typing import Any

from ml3_ros.errors import ConfigError

SWITCH_FIELDS = ("activate_controllers", "deactivate_controllers", "strictness")


def switch_controller_type(package: str) -> Any:
    """Return the service type SwitchController of `package` (controller_manager_msgs).

    Raises:
        ConfigError: The package, the service or a field is missing.
    """
    kind = found(package, "srv", "SwitchController")
    check_fields(f"{package}/SwitchController", kind.Request, SWITCH_FIELDS)
    return kind


def switch_request(kind: Any, activate: str, deactivate: str) -> Any:
    """Return the request to let one controller take the place of another; both or nothing."""
    return kind.Request(
        activate_controllers=[activate] if activate else [],
        deactivate_controllers=[deactivate] if deactivate else [],
        strictness=kind.Request.STRICT,
    )


def found(package: str, folder: str, name: str) -> Any:
    """Return an interface of a package.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        module = importlib.import_module(f"{package}.{folder}")
        return getattr(module, name)
    except (ImportError, AttributeError):
        raise ConfigError(
            f"there is no {package}/{name}: install the ROS 2 package {package} (with apt: "
            f"ros-DISTRO-{package.replace('_', '-')}) and source it"
        ) from None


def check_fields(what: str, kind: Any, fields: tuple[str, ...]) -> None:
    """Check that an interface has these fields.

    Raises:
        ConfigError: One is missing.
    """
    has = kind.get_fields_and_field_types()
    missing = [field for field in fields if field not in has]
    if missing:
        raise ConfigError(
            f"{what} has no field {', '.join(missing)}: use the package of this ROS 2 release"
        )
