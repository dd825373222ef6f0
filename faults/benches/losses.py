# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned-loss files that are damaged or malicious: rejected with a sentence, or they work."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from faults.mutations.headers import (
    header_of,
    losses,
    small_model,
    with_header,
    wrong_headers,
)
from faults.mutations.loss_files import KINDS, mutated
from faults.rig.result import Finding, Row
from faults.rig.rig import Rig
from faults.scenes import loss_services
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.core.losses.architectures import ARCHITECTURES
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader
from ml3_ros.zoo import shipped

Use = Callable[[bytes], object]

LOSSES = ("sawyer_ml3_shaped", "reacher_ml3_adaptive", "reacher_ml3_reach", "reacher_ml3_prior")
COUNT, QUICK_COUNT = 1200, 60
MODEL = "a small model"
SWEEP = "every wrong value in every field of the header"
MEMORY = 2 * 2**30  # bytes of address space beyond what the child has at its start
LIMIT_S = 5.0  # of the processor, for a file
REJECTION_S, REJECTION_MIB = 0.1, 50.0  # what a header that lies may cost


@dataclass(slots=True)
class Outcome:
    """What became of the mutations of one file."""

    rejected: int = 0
    works: int = 0
    else_: Counter[str] = field(default_factory=Counter)  # by what went wrong
    slowest: float = 0.0  # [s]
    slowest_rejection: float = 0.0  # [s]
    memory: float = 0.0  # by which the peak grew [MiB]
    executed: bool = False


def bench(folder: Path, quick: bool) -> Finding:
    """Load mutated files of shipped losses."""
    count = QUICK_COUNT if quick else COUNT
    rows = []
    for name in LOSSES:
        outcome = _in_child(_try_drawn, name, count, folder)
        rows.append(_row(name, count, outcome))
    small = {f"a small {name}" for name in ARCHITECTURES}
    for what, names in (
        (f"{len(shipped())} shipped losses", shipped()),
        (f"a small loss of each of {len(small)} architectures", sorted(small)),
        ("a model", (MODEL,)),
    ):
        rows.append(_sweep_row(what, [_in_child(_try_every_header, name) for name in names]))
    with Rig(folder / "services") as rig:
        rows += loss_services.rows(rig)
    return Finding(
        title="Damaged and malicious loss files",
        method=(
            f"{count} mutations of each of {len(LOSSES)} shipped losses, drawn from "
            f"{', '.join(KINDS)}. Each is loaded as bytes from anywhere would be, in a process "
            f"that may not use more than {MEMORY // 2**30} GiB beyond its start; one that is not "
            "rejected is evaluated. A mutation fails if it raises anything but `LossFileError`, "
            "gives a value that is not finite, or executes code. Then every field of the header "
            "of every loss that ships, of a small one of every architecture and of a model gets "
            "every wrong value of a list: NaN, infinity, booleans, 10^400, 2^2000, texts, lists "
            "of other lengths, and so on. Then the services of running "
            "nodes are requested to load and save files outside their folder, links, pipes, "
            "devices and invalid names."
        ),
        rows=rows,
    )


def _row(name: str, count: int, outcome: Outcome) -> Row:
    failed = ", ".join(f"{n} x {what}" for what, n in outcome.else_.items()) or "none failed"
    measured = (
        f"{outcome.rejected} rejected, {outcome.works} work, {failed}; slowest "
        f"{outcome.slowest:.2f} s, {outcome.memory:.0f} MiB"
    )
    holds = (
        outcome.rejected + outcome.works == count
        and outcome.slowest < LIMIT_S
        and not outcome.executed
    )
    promised = f"none fails or executes code, each within {LIMIT_S:g} s of the processor"
    return Row(f"{name}, {count} files", measured, promised, holds)


def _sweep_row(what: str, outcomes: list[Outcome]) -> Row:
    else_ = sum((outcome.else_ for outcome in outcomes), Counter[str]())
    failed = ", ".join(f"{n} x {kind}" for kind, n in else_.items()) or "none failed"
    slowest = max(outcome.slowest_rejection for outcome in outcomes)
    memory = max(outcome.memory for outcome in outcomes)
    measured = (
        f"{sum(x.rejected for x in outcomes)} rejected, {sum(x.works for x in outcomes)} work, "
        f"{failed}; slowest rejection {slowest:.3f} s, {memory:.0f} MiB"
    )
    promised = f"none fails, each rejected within {REJECTION_S:g} s and {REJECTION_MIB:g} MiB"
    holds = not else_ and slowest < REJECTION_S and memory < REJECTION_MIB
    return Row(f"{what}: {SWEEP}", measured, promised, holds)


def _in_child(target: Callable[..., Outcome], *arguments: object) -> Outcome:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(sender, target, *arguments))
    child.start()
    sender.close()
    try:
        outcome: Outcome = receiver.recv()
    except EOFError:  # the child has crashed
        outcome = Outcome(else_=Counter({"the process died": 1}))
    child.join()
    return outcome


def _send(sender: Connection, target: Callable[..., Outcome], *arguments: object) -> None:
    prepare_process()
    signal.signal(signal.SIGPROF, _too_late)
    sender.send(target(*arguments))


def _try_drawn(name: str, count: int, folder: Path) -> Outcome:
    data = shipped()[name].read_bytes()
    marker = folder / f"{name}.executed"
    outcome, rng = Outcome(), random.Random(name)
    with _memory_of(_use_loss, data, outcome):
        for _ in range(count):
            kind, bad = mutated(data, rng, marker)
            _try(_use_loss, bad, kind, outcome)
    outcome.executed = marker.exists()
    return outcome


def _try_every_header(name: str) -> Outcome:
    use: Use = _use_model if name == MODEL else _use_loss
    data, outcome = (losses() | {MODEL: small_model()})[name], Outcome()
    with _memory_of(use, data, outcome):
        for what, header in wrong_headers(header_of(data)):
            _try(use, with_header(data, header), what, outcome)
    return outcome


@contextlib.contextmanager
def _memory_of(use: Use, data: bytes, outcome: Outcome) -> Iterator[None]:
    """Limit the memory of what is done here, and note by how much its peak grew."""
    _try(use, data, "as it is", Outcome())  # whatever is loaded late is loaded now
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome.memory = (peak - before) / 1024


def _use_loss(data: bytes) -> None:
    if not math.isfinite(LearnedLoss.from_bytes(data).value_at(1.0)):
        raise ArithmeticError("its value is not finite")


def _use_model(data: bytes) -> None:
    ModelReader()(data)


def _try(use: Use, data: bytes, kind: str, outcome: Outcome) -> None:
    signal.setitimer(signal.ITIMER_PROF, 4.0 * LIMIT_S)
    began, rejected = time.process_time(), False
    try:
        use(data)
    except (LossFileError, DataError):
        rejected = True
    except BaseException as error:
        outcome.else_[f"{type(error).__name__} after {kind}"] += 1
        return
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    seconds = time.process_time() - began
    outcome.slowest = max(outcome.slowest, seconds)
    outcome.works += not rejected
    if rejected:
        outcome.rejected += 1
        outcome.slowest_rejection = max(outcome.slowest_rejection, seconds)


def _too_late(_number: int, _frame: object) -> None:
    raise TimeoutError("a file took too long")
