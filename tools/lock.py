# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Write requirements.txt, -dev.txt and -jazzy.txt: one exact version for each package.

`make lock` runs this in .venv. Versions that are locked stay unless setup.py or a .in file rules
them out; `make lock UPGRADE="--upgrade-package torch"` moves one, `UPGRADE=--upgrade` all.
The release of torch stands in requirements.in. What its build for CUDA needs beside is no part of
the locks: torch itself asks for exact versions of it. Nor are hashes, because the builds differ.
Outside of ROS 2 Jazzy has the versions of Kilted.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from installers import ROOT, VENV, uv_settings

HEADER = "# {what}. Written by `make lock`; do not edit.\n"
RUNTIME = ("setup.py", "requirements.in")
DEVELOPMENT = ("setup.py", "requirements-dev.in", "--all-extras")
JAZZY = ("setup.py", "requirements-jazzy.in", "--python-version", "3.12")
UNWANTED = re.compile(r"#|cuda-|nvidia-|triton==")  # the last three belong to CUDA


def compiled(name: str, *arguments: str, near: str = "(?!torch==)") -> list[str]:
    """Return the lines that uv compiles from the sources, near the lines `near` of a lock."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "lock.txt")
        locked = (ROOT / name).read_text().splitlines(keepends=True)
        lock.write_text("".join(line for line in locked if re.match(near, line)))
        subprocess.run(
            [
                *(str(VENV / "bin/uv"), "pip", "compile", "--quiet", "--no-header"),
                *("--no-annotate", "--no-strip-markers", "--python", str(VENV / "bin/python")),
                *(*arguments, "--output-file", str(lock)),
            ],
            cwd=ROOT,
            env={**os.environ, **uv_settings()},
            check=True,
        )
        lines = [line for line in lock.read_text().splitlines() if not UNWANTED.match(line)]
    # torch 2.13.0+cpu -> 2.13.0: the index or the folder of wheels decides which build it is
    return [re.sub(r"\+\w+", "", line).replace(" ;", ";") for line in lines]


def write(name: str, what: str, lines: list[str]) -> None:
    """Write one lock file, one exact version a line."""
    (ROOT / name).write_text(HEADER.format(what=what) + "".join(f"{line}\n" for line in lines))
    print(f"{name}: {len(lines)} packages")


def main() -> None:
    """Write the lock files; options go on to uv."""
    runtime = compiled("requirements.txt", *RUNTIME, *sys.argv[1:])
    write("requirements.txt", "Run time, and the build of ml3_msgs", runtime)
    pinned = ("--constraint", "requirements.txt")
    everything = compiled("requirements-dev.txt", *DEVELOPMENT, *pinned, *sys.argv[1:])
    extra = [line for line in everything if line not in runtime]
    write("requirements-dev.txt", "Tests, lint, baselines, Ray, and the UR10 model", extra)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as shared:
        shared.writelines(f"{line}\n" for line in everything if not line.startswith("ros-"))
        shared.flush()
        sources = (*JAZZY, "--constraint", shared.name)
        jazzy = compiled("requirements-jazzy.txt", *sources, *sys.argv[1:], near="ros-")
    write("requirements-jazzy.txt", "The same as requirements.txt, for ROS 2 Jazzy", jazzy)


if __name__ == "__main__":
    main()
