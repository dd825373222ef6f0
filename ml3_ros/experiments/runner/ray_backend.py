# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Seeds of an experiment as tasks of Ray: the same results on many machines."""

import importlib
import os
import socket
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml3_ros.errors import ConfigError, needs
from ml3_ros.experiments.runner.workers import (
    ATTEMPTS,
    Job,
    Log,
    Outcome,
    checked_count,
    given_up,
)

CONNECT_S = 5.0


class RayBackend:
    """Jobs as tasks of Ray, on the cluster at RAY_ADDRESS or, without it, on a local one.

    Args:
        workers: Processes at once of a local one; None takes one a core. A cluster uses all that
            it has.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = checked_count(workers)
        with needs("ray", "ray", "the backend ray"):
            self._ray = importlib.import_module("ray")

    def run(self, jobs: Sequence[Job], log: Log) -> Generator[tuple[int, Outcome]]:
        """See `Backend`; what workers write stays in Ray's own logs."""
        ray = self._ray
        errors = ray.exceptions
        died = (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError)
        self._connect()
        try:
            task = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_outcome_anywhere)
            pending = {task.remote(job): job.seed for job in jobs}
            while pending:
                (done, *_), _ = ray.wait(list(pending), num_returns=1)
                seed = pending.pop(done)
                try:
                    outcome = ray.get(done)
                except died as error:
                    raise given_up(seed, type(error).__name__) from error
                yield seed, outcome.checked(seed)
        finally:
            ray.shutdown()

    def _connect(self) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        address = os.environ.get("RAY_ADDRESS", "local")
        if address == "local":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            options |= {"num_cpus": self.workers, "include_dashboard": False}
        try:
            host, _, port = address.removeprefix("ray://").rpartition(":")
            if port.isdigit():  # Ray itself would try for minutes
                socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
            self._ray.init(address=address, **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"there is no Ray at {address} ({error}): correct RAY_ADDRESS, or unset it for a "
                "local one"
            ) from error


def _outcome_anywhere(job: Job) -> Outcome:
    """Run a job on any machine: only a temporary folder is sure to be there."""
    with tempfile.TemporaryDirectory() as scratch:
        return Outcome.of(replace(job, scratch=Path(scratch)))
