# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Make .venv complete: a ROS 2 prefix with the pinned packages, messages and ml3_ros in it.

`make setup` runs this; it needs nothing but Python's standard library and `installers.py` beside
it. Every step leaves a stamp with a hash of what it depends on, so a second run does only what has
changed. With `--tests` it also builds the messages that only tests need. The environment is a
ROS 2 prefix (share/, lib/, include/, bin/), and a line in its site-packages puts it on
AMENT_PREFIX_PATH, so its programs run without sourcing anything. Its ROS 2 is Kilted; with
ML3_DISTRO=jazzy, which `make setup-jazzy` sets, the same steps make .venv-jazzy with Jazzy.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

from installers import (
    FOLDER,
    LOCK,
    ROOT,
    STATE,
    VENV,
    SetupError,
    ask_python,
    pip_install,
    run,
    uv_install,
)

OLDEST_PYTHON = (3, 11)
TEST_MESSAGES = "test/ml3_sawyer_test_msgs"
CONTROL_MESSAGES = "test/ml3_control_test_msgs"
TF_MESSAGES = "tools/tf2_msgs"  # of ROS 2, but on no package index
PYTHON_NAME = "python{}.{}".format(*sys.version_info[:2])  # also begins Debian's package names

# Of the packages, the slowest to import.
IMPORTED = (
    *("crocoddyl", "gymnasium", "matplotlib.pyplot", "mujoco", "pinocchio", "rclpy", "rosbags"),
    *("safetensors.torch", "scipy.signal", "scipy.optimize", "sklearn.ensemble"),
    *("stable_baselines3", "torch", "torch._inductor.compile_fx", "tyro"),
)

# site.py executes this line at every start of the environment's Python.
PREFIX_LINE = (
    "import os, sys; "
    "os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join(dict.fromkeys("
    "[sys.prefix, *filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))]))\n"
)


def check_machine() -> None:
    """Check that the machine has what pip cannot install, and name the Debian packages if not.

    Raises:
        SetupError: A compiler, CMake, make, the venv module or Python.h is missing.
    """
    packages = {name: name for name in ("gcc", "g++", "cmake", "make") if not shutil.which(name)}
    try:
        import ensurepip  # noqa: F401 - the part of the venv module that Debian leaves out
    except ImportError:
        packages["the venv module of Python"] = PYTHON_NAME + "-venv"
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        packages["the header Python.h"] = PYTHON_NAME + "-dev"
    if packages:
        what, debian = ", ".join(packages), " ".join(packages.values())
        raise SetupError(f"Missing on this machine: {what}; run `sudo apt install {debian}`.")


def create_environment() -> None:
    """Make an empty environment; whatever was there before goes."""
    python = getattr(sys, "_base_executable", sys.executable)  # not .venv's own, if that is active
    run(python, "-m", "venv", "--clear", VENV)


def install_packages() -> None:
    """Install the versions that the lock files pin."""
    pip_install("uv", "--constraint", "requirements-dev.txt")
    uv_install("-r", LOCK, "-r", "requirements-dev.txt")


def compile_imports() -> None:
    """Import once what programs and tests import, which leaves its bytecode behind.

    All of the packages would take a minute; none, several seconds of every program's first start.
    """
    imports = f"import {', '.join(IMPORTED)}"
    run(
        VENV / "bin/python", "-c", imports, PYTHONDONTWRITEBYTECODE="", AMENT_PREFIX_PATH=str(VENV)
    )


def install_messages(package: str = "./ml3_msgs", *options: str) -> None:
    """Build messages with CMake and install them, without the network."""
    relocate_exports()
    uv_install(
        *("--no-index", "--no-build-isolation", "--no-deps", "--reinstall", package, *options),
        AMENT_PREFIX_PATH=str(VENV),
        CMAKE_PREFIX_PATH=str(VENV),
        CMAKE_BUILD_PARALLEL_LEVEL=str(os.cpu_count() or 1),
    )


def install_tf_messages() -> None:
    """Build the message of tf."""
    install_messages(f"./{TF_MESSAGES}")


def install_test_messages() -> None:
    """Build the messages that only tests need, without optimization, which takes longer."""
    for package in (TEST_MESSAGES, CONTROL_MESSAGES):
        install_messages(f"./{package}", "--config-settings", "cmake.build-type=None")


def relocate_exports() -> None:
    """Name this machine's include folders in the CMake exports of the ROS 2 wheels.

    As they come, the exports hold the paths of the machine on which the wheels were built.
    """
    folders = {
        r"site-packages/numpy/_core/include": "__import__('numpy').get_include()",
        r"include/python3\.\d+": "sysconfig.get_paths()['include']",
    }
    here = {rf'/opt/python/[^;"]*?/{tail}': ask_python(find) for tail, find in folders.items()}
    for export in VENV.glob("share/*/cmake/*__rosidl_generator_pyExport.cmake"):
        text = export.read_text()
        for pattern, folder in here.items():
            text = re.sub(pattern, folder.replace("\\", r"\\"), text)
        whole = export.with_suffix(".part")  # no later step would notice half an export
        whole.write_text(text)
        whole.replace(export)


def install_package() -> None:
    """Install ml3_ros editable, and what else makes it a package of the ROS 2 prefix."""
    uv_install("--no-index", "--no-build-isolation", "--no-deps", "--editable", ".")
    site_packages = Path(ask_python("sysconfig.get_paths()['purelib']"))
    (site_packages / "ml3_ros_prefix.pth").write_text(PREFIX_LINE)
    programs = ask_python(
        "*[e.name for e in importlib.metadata.distribution('ml3_ros').entry_points]"
    ).split()
    for folder in (VENV / "share/ml3_ros", VENV / "lib/ml3_ros"):
        shutil.rmtree(folder, ignore_errors=True)
    links = {f"lib/ml3_ros/{name}": VENV / "bin" / name for name in programs}
    links["share/ml3_ros/package.xml"] = ROOT / "package.xml"
    links["share/ament_index/resource_index/packages/ml3_ros"] = ROOT / "resource/ml3_ros"
    for name, target in links.items():
        link = VENV / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def link_shared_files() -> None:
    """Link launch files and configuration, each by itself: `ros2 launch` follows no folder's link.

    This is done at every run, so that new files are found, and changes only what is not right.
    """
    share = VENV / "share/ml3_ros"
    for link in list(share.rglob("*")):
        if link.is_symlink() and not link.exists():  # its file was removed or renamed
            link.unlink()
    for file in (*ROOT.glob("launch/*.py"), *ROOT.glob("config/**/*.*")):
        link = share / file.relative_to(ROOT)
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)


# Its name, what is printed, the files it depends on beside the steps before it, what it does.
Step = tuple[str, str, list[str], Callable[[], None]]
STEPS: tuple[Step, ...] = (
    (FOLDER, f"making an environment with {PYTHON_NAME}", [], create_environment),
    ("packages", "installing the pinned ones", [LOCK, "requirements-dev.txt"], install_packages),
    ("bytecode", "compiling what programs import", [], compile_imports),
    ("ml3_msgs", "building the messages", ["ml3_msgs/**/*"], install_messages),
    ("tf2_msgs", "building the message of tf", [f"{TF_MESSAGES}/**/*"], install_tf_messages),
    (
        "ml3_ros",
        "installing it, editable",
        ["setup.py", "setup.cfg", "package.xml", "tools/setup_env.py", "tools/installers.py"],
        install_package,
    ),
)

TEST_STEPS: tuple[Step, ...] = (
    (
        "test messages",
        "building messages like Sawyer's and those of ros2_control",
        [f"{TEST_MESSAGES}/**/*", f"{CONTROL_MESSAGES}/**/*"],
        install_test_messages,
    ),
)


def digest(before: str, patterns: list[str]) -> str:
    """Return a hash of the files that match, and of what came before."""
    total = hashlib.sha256(before.encode())
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file():
            total.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def set_up(*, tests: bool) -> None:
    """Do the steps that are not done yet, those for tests if asked, saying one line each."""
    state = f"{ROOT} {PYTHON_NAME}"  # scripts hold the path: a moved clone needs a new .venv
    done_before = (VENV / "bin/python").exists()
    checked = False
    for name, description, patterns, action in (*STEPS, *TEST_STEPS) if tests else STEPS:
        state = digest(state, patterns)
        stamp = STATE / name
        if done_before and stamp.exists() and stamp.read_text() == state:
            continue
        if not checked:
            check_machine()
            checked = True
        print(f"{name}: {description} ...", end=" ", flush=True)
        start = time.monotonic()
        stamp.unlink(missing_ok=True)
        try:
            action()
        except SetupError:
            print("failed", flush=True)
            raise
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(state)
        print(f"{time.monotonic() - start:.0f} s", flush=True)
    link_shared_files()
    if not checked:
        print(f"{FOLDER}: complete", flush=True)


def main() -> int:
    """Set up the environment; return the exit status."""
    if sys.version_info < OLDEST_PYTHON:
        print(
            "Python {}.{} or newer is needed, this one is {}: run `make PYTHON=python3.11`, after "
            "`sudo apt install python3.11 python3.11-venv python3.11-dev`.".format(
                *OLDEST_PYTHON, PYTHON_NAME
            ),
            file=sys.stderr,
        )
        return 1
    parser = argparse.ArgumentParser(description=f"Make {FOLDER} complete.")
    parser.add_argument("--tests", action="store_true", help="also what only the tests need")
    tests = parser.parse_args().tests
    lock = os.open(str(ROOT), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` in one clone take turns
    try:
        set_up(tests=tests)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted: run this again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
