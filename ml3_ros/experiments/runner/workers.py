# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Seeds of an experiment in processes of their own: on this machine, or on a Ray cluster.

Both backends run the same function with the same arguments and one torch thread, so equal seeds
give equal results, whatever runs them and how many at once.
"""

import io
import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.errors import ConfigError, Ml3Error, WorkerError
from ml3_ros.experiments.runner.experiment import Arrays, RunSeed
from ml3_ros.tasks.training import revision

ATTEMPTS = 3  # a seed whose worker is killed is run again; after so many deaths it is given up
EXIT_S = 10.0  # in which a worker that has sent its outcome has to end by itself
PATIENCE_S = 2.0  # from SIGTERM to SIGKILL

Log = Callable[[int, str], None]
"""Called with a seed and what its worker writes: parts of lines, bars behind carriage returns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One seed and all that its worker needs; travels as a pickle."""

    run_seed: RunSeed
    config: Any
    seed: int
    shared: Arrays
    scratch: Path
    engine: Engine


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job returned or raised; an unexpected error travels as its traceback.

    `revision` is that of the code which the worker started with: it may change while it runs.
    """

    arrays: Arrays
    error: Ml3Error | None = None
    trace: str = ""
    revision: str = ""

    @staticmethod
    def of(job: Job) -> "Outcome":
        """Run the job here."""
        prepare_process()
        started = revision()
        try:
            arrays = job.run_seed(job.config, job.seed, job.shared, job.scratch, job.engine)
            return Outcome(arrays, revision=started)
        except Ml3Error as error:
            return Outcome({}, error=error)
        except Exception:
            return Outcome({}, trace=traceback.format_exc())

    def checked(self, seed: int) -> "Outcome":
        """Return this outcome, or raise what the job raised."""
        if self.error is not None:
            raise self.error
        if self.trace:
            raise RuntimeError(f"seed {seed} failed:\n{self.trace}")
        return self


class Backend(Protocol):
    """Where jobs run: in processes of this machine, or on Ray."""

    def run(self, jobs: Sequence[Job], log: Log) -> Generator[tuple[int, Outcome]]:
        """Yield (seed, outcome) whenever a job is done; closing the generator ends all workers.

        Raises:
            WorkerError: A job's worker died again and again.
            Ml3Error: What a job itself raised.
        """


class LocalBackend:
    """A process for each job, so many at once as there are workers.

    Args:
        workers: Processes at once; None takes one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = checked_count(workers) or len(os.sched_getaffinity(0))

    def run(self, jobs: Sequence[Job], log: Log) -> Generator[tuple[int, Outcome]]:
        """See `Backend`."""
        waiting = deque((job, 1) for job in jobs)
        running: dict[Connection, _Worker] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    worker = _Worker(*waiting.popleft())
                    running[worker.pipe] = worker
                for pipe in connection.wait(list(running)):
                    assert isinstance(pipe, Connection)
                    worker = running[pipe]
                    seed = worker.job.seed
                    message = worker.receive()
                    if isinstance(message, str):
                        log(seed, message)
                        continue
                    del running[pipe]
                    if isinstance(message, Outcome):
                        yield seed, message.checked(seed)
                    elif worker.attempt < ATTEMPTS:
                        log(seed, f"its worker ended with {message}, it is run again\n")
                        waiting.appendleft((worker.job, worker.attempt + 1))
                    else:
                        raise given_up(seed, message)
        finally:
            _end([worker.process for worker in running.values()])


class _Worker:
    """A process that runs one job, and the pipe on which it talks."""

    def __init__(self, job: Job, attempt: int) -> None:
        self.job, self.attempt = job, attempt
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(job, theirs), daemon=True)
        # A Ctrl-C in the terminal reaches all processes; this one alone answers it. The tracker
        # unblocks signals when it starts, so it has to run before they are blocked.
        resource_tracker.ensure_running()
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
            theirs.close()  # so that the pipe ends when the worker does

    def receive(self) -> Outcome | str | int:
        """Return the outcome, some text, or, if the worker has died, its exit code."""
        try:
            message: Outcome | str = self.pipe.recv()
        except (EOFError, OSError):
            return self._ended()
        if isinstance(message, Outcome):
            self._ended()
        return message

    def _ended(self) -> int:
        """Return the exit code of a worker that has sent its outcome; one that stays is ended."""
        self.pipe.close()
        self.process.join(EXIT_S)
        _end([self.process])
        assert self.process.exitcode is not None
        return self.process.exitcode


class _Writer(io.TextIOBase):
    """Hands everything that a worker writes to its parent."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()  # a progress bar has a thread of its own

    def write(self, text: str, /) -> int:
        self.send(text)
        return len(text)

    def send(self, message: "str | Outcome") -> None:
        with self._lock:
            self._pipe.send(message)


def _work(job: Job, pipe: Connection) -> None:
    """Run in the worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    writer = _Writer(pipe)
    with redirect_stdout(writer), redirect_stderr(writer):
        outcome = Outcome.of(job)
    writer.send(outcome)


def _end_with_parent() -> None:
    """Leave no orphan when the parent is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _end(processes: Sequence[Any]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            process.join()


def checked_count(workers: int | None) -> int | None:
    """Return a number of workers, or raise ConfigError."""
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be >= 1, got {workers}")
    return workers


def given_up(seed: int, why: object) -> WorkerError:
    """Return the error of a seed whose worker died too often."""
    return WorkerError(
        f"the worker of seed {seed} died {ATTEMPTS} times (last: {why}), perhaps for lack of "
        "memory: run it again with fewer --workers; the seeds that are done are kept"
    )
