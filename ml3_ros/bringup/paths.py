# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Paths of the files beside the code: config/, launch/, the program `ml3` and its packages."""

from __future__ import annotations

import importlib.util
import os
import re
import site
import sys
import sysconfig
from pathlib import Path

import ml3_ros
from ml3_ros.errors import ConfigError


def share() -> Path:
    """Return the folder that holds config/ and launch/.

    In a source tree or an editable installation that is the tree itself, else the share folder
    of the ament index.

    Raises:
        ConfigError: There is neither.
    """
    tree = Path(ml3_ros.__path__[0]).resolve().parent
    if (tree / "package.xml").is_file():
        return tree
    return _prefix() / "share/ml3_ros"


def config_file(name: str) -> Path:
    """Return the path of a file in config/.

    Raises:
        ConfigError: It is not installed.
    """
    return _existing(share() / "config" / name)


def program() -> Path:
    """Return the path of the program `ml3`; its Python is the one that ml3_ros was built with.

    Raises:
        ConfigError: It is not installed.
    """
    return _existing(_prefix() / "lib/ml3_ros/ml3")


def use_packages_of(path: Path) -> None:
    """Add the packages of a program's virtual environment to this Python's path, at its end.

    `ros2 launch` runs in the system's Python, and reads launch files there, which ask robots for
    their joints. What is on PyPI alone lies in the environment that the workspace was built with.
    It comes last on sys.path, so nothing that this Python has already is replaced.
    """
    first_line = path.read_text("utf-8", errors="replace").partition("\n")[0]
    python = re.fullmatch(r"#!\s*(/\S*python[\d.]*)", first_line)
    if python is None:
        return
    prefix = Path(python[1]).parent.parent
    if prefix != Path(sys.prefix) and (prefix / "pyvenv.cfg").is_file():
        site.addsitedir(sysconfig.get_path("purelib", "venv", {"base": str(prefix)}))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"{path} is missing: install ml3_ros again")
    return path


def _prefix() -> Path:
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        return Path(get_package_prefix("ml3_ros"))
    except (PackageNotFoundError, LookupError, OSError) as error:
        raise ConfigError(
            "ml3_ros is not in the ament index: source the workspace's install/setup.bash, or "
            "run `make setup` in the clone"
        ) from error


def find_program(package: str, name: str) -> Path | None:
    """Return the path of a program of a ROS package, or None where it is not installed."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        path = Path(get_package_prefix(package), "lib", package, name)
    except (PackageNotFoundError, LookupError, OSError):
        return None
    return path if os.access(path, os.X_OK) else None


def has_package(package: str) -> bool:
    """Return whether a Python package is installed; a folder of that name is none."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def program_of(package: str, name: str) -> Path:
    """Return the path of a program of a ROS package.

    Raises:
        ConfigError: It is not installed.
    """
    path = find_program(package, name)
    if path is None:
        debian = f"ros-{os.environ.get('ROS_DISTRO', 'DISTRO')}-{package.replace('_', '-')}"
        raise ConfigError(
            f"{name} is not installed here: it comes with a ROS 2 installation, "
            f"`sudo apt install {debian}`"
        )
    return path
