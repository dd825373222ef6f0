# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Installs into the environment: pip, uv with the settings of pip, and the log of what they print.

Of Python's standard library alone: `make setup` uses it before anything else is installed.
"""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {  # ROS 2: its environment, and the lock of what is in it
    "kilted": (".venv", "requirements.txt"),
    "jazzy": (".venv-jazzy", "requirements-jazzy.txt"),
}
FOLDER, LOCK = ENVIRONMENTS[os.environ.get("ML3_DISTRO", "kilted")]
VENV = ROOT / FOLDER
STATE = VENV / ".ml3_ros"  # stamps, and the log
LOG = STATE / "setup.log"

UV_NAMES = {  # option in pip's configuration: environment variable of uv
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}


class SetupError(Exception):
    """What is wrong and what to do, in one sentence."""


def run(*command: object, **environment: str) -> None:
    """Run a program from the root of the repository, its output into the log.

    Raises:
        SetupError: It failed; the last lines of its output stand before the sentence.
    """
    words = [str(word) for word in command]
    result = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    STATE.mkdir(parents=True, exist_ok=True)
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(words)}\n{result.stdout}\n")
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise SetupError(
            f"{tail}\nThe step failed with the lines above; all of them are in "
            f"{LOG.relative_to(ROOT)}: repair the cause (often the network) and run this again."
        )


def pip_install(*arguments: object) -> None:
    """Run the environment's `pip install`."""
    options = ("--disable-pip-version-check", "--no-input", "--progress-bar=off")
    run(VENV / "bin/python", "-m", "pip", "install", *options, *arguments)


def uv_install(*arguments: object, **environment: str) -> None:
    """Run `uv pip install`, several times as fast as pip, with the settings of pip."""
    where = ("--python", VENV / "bin/python", "--no-progress")
    run(VENV / "bin/uv", "pip", "install", *where, *arguments, **uv_settings(), **environment)


def uv_settings() -> dict[str, str]:
    """Return the indexes, certificates and limits that pip is configured with, as uv reads them.

    uv reads no pip.conf. Variables of uv that are set already stay as they are.
    """
    command = (VENV / "bin/python", "-m", "pip", "config", "list")
    lines = subprocess.check_output(command, text=True).splitlines()
    options: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):  # the later one wins, as in pip
        pairs = (line.removeprefix(section).split("=", 1) for line in lines if section in line)
        options |= {name: str(ast.literal_eval(value)) for name, value in pairs}
    settings = {UV_NAMES[name]: value for name, value in options.items() if name in UV_NAMES}
    # Unlike uv by itself, pip takes the best version of all indexes.
    settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = ",".join(settings["UV_FIND_LINKS"].split())
    return {name: value for name, value in settings.items() if name not in os.environ}


def ask_python(expression: str) -> str:
    """Return the value of an expression in the environment's Python, as text."""
    code = f"import importlib.metadata, sysconfig; print({expression})"
    return subprocess.check_output([VENV / "bin/python", "-c", code], text=True).strip()
