"""Paths of the files beside the code: config/, launch/."""

from __future__ import annotations

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
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory("ml3_ros"))
    except (PackageNotFoundError, LookupError, OSError) as error:
        raise ConfigError(
            "ml3_ros is not in the ament index: source the workspace's install/setup.bash, or "
            "run `make setup` in the clone"
        ) from error


def config_file(name: str) -> Path:
    """Return config/`name`.

    Raises:
        ConfigError: It is not installed.
    """
    path = share() / "config" / name
    if not path.is_file():
        raise ConfigError(f"{path} is missing: install ml3_ros again")
    return path
