"""Write requirements.txt and requirements-dev.txt: one exact version for each package.

`make lock` runs this in .venv. Versions that are locked stay unless setup.py or a .in file rules
them out; `make lock UPGRADE="--upgrade-package torch"` moves one, `UPGRADE=--upgrade` all.
The release of torch stands in requirements.in. Run this where pip finds its CPU build, as with
`UV_TORCH_BACKEND=cpu`: what CUDA needs beside is no part of the locks. Nor are hashes, because the
two builds differ.
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


def compiled(name: str, *arguments: str) -> list[str]:
    """Return the lines that uv compiles from the sources, near those of the lock `name`."""
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "lock.txt")
        locked = (ROOT / name).read_text()
        lock.write_text(re.sub(r"^torch==.*\n", "", locked, flags=re.MULTILINE))
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
        lines = [line for line in lock.read_text().splitlines() if line[:1] != "#"]
    # torch 2.13.0+cpu -> 2.13.0: the index or the folder of wheels decides which build it is
    return [re.sub(r"\+\w+", "", line).replace(" ;", ";") for line in lines]


def write(name: str, what: str, lines: list[str]) -> None:
    """Write one lock file, one exact version a line."""
    (ROOT / name).write_text(HEADER.format(what=what) + "".join(f"{line}\n" for line in lines))
    print(f"{name}: {len(lines)} packages")


def main() -> None:
    """Write both lock files; options go on to uv."""
    runtime = compiled("requirements.txt", *RUNTIME, *sys.argv[1:])
    write("requirements.txt", "Run time, and the build of ml3_msgs", runtime)
    pinned = ("--constraint", "requirements.txt")
    everything = compiled("requirements-dev.txt", *DEVELOPMENT, *pinned, *sys.argv[1:])
    extra = [line for line in everything if line not in runtime]
    write("requirements-dev.txt", "Tests, lint, baselines, Ray, and the UR10 model", extra)


if __name__ == "__main__":
    main()
