# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Where the seeds of an experiment may run, by name."""

from collections.abc import Callable

from ml3_ros.experiments.runner.ray_backend import RayBackend
from ml3_ros.experiments.runner.workers import Backend, LocalBackend

BACKENDS: dict[str, Callable[[int | None], Backend]] = {"local": LocalBackend, "ray": RayBackend}
"""Each is made with a number of processes; Ray itself is loaded when its backend is made."""
