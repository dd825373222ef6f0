"""Learned-loss files that are damaged or malicious: refused with a sentence, or they work."""

from __future__ import annotations

import math
import multiprocessing
import random
import resource
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.faults import loss_services
from benchmarks.faults.loss_mutations import KINDS, mutated
from benchmarks.faults.result import Finding, Row
from benchmarks.faults.stage import Stage

LOSSES = ("sawyer_ml3_shaped", "reacher_ml3_adaptive", "reacher_ml3_reach", "reacher_ml3_prior")
COUNT, QUICK_COUNT = 1200, 60
MEMORY = 2 * 2**30  # bytes of address space beyond what the child has at its start
LIMIT_S = 5.0  # of the processor, for a file


@dataclass(slots=True)
class Outcome:
    """What became of the mutations of one file."""

    refused: int = 0
    works: int = 0
    else_: Counter[str] = field(default_factory=Counter)  # by what went wrong
    slowest: float = 0.0  # [s]
    memory: float = 0.0  # by which the peak grew [MiB]
    executed: bool = False


def bench(folder: Path, quick: bool) -> Finding:
    """Load mutated files of shipped losses."""
    count = QUICK_COUNT if quick else COUNT
    rows = []
    for name in LOSSES:
        outcome = _in_child(name, count, folder)
        rows.append(_row(name, count, outcome))
    with Stage(folder / "services") as stage:
        rows += loss_services.rows(stage)
    return Finding(
        title="Damaged and malicious loss files",
        method=(
            f"{count} mutations of each of {len(LOSSES)} shipped losses, drawn from "
            f"{', '.join(KINDS)}. Each is loaded as bytes from anywhere would be, in a process "
            f"that may not use more than {MEMORY // 2**30} GiB beyond its start; one that is not "
            "refused is evaluated. A mutation fails if it raises anything but `LossFileError`, "
            "gives a value that is not finite, or executes code. Then the services of running "
            "nodes are asked for files outside their folder, for links, pipes, devices and "
            "names that are none."
        ),
        rows=rows,
    )


def _row(name: str, count: int, outcome: Outcome) -> Row:
    failed = ", ".join(f"{n} x {what}" for what, n in outcome.else_.items()) or "none failed"
    measured = (
        f"{outcome.refused} refused, {outcome.works} work, {failed}; slowest "
        f"{outcome.slowest:.2f} s, {outcome.memory:.0f} MiB"
    )
    holds = (
        outcome.refused + outcome.works == count
        and outcome.slowest < LIMIT_S
        and not outcome.executed
    )
    promised = f"none fails or executes code, each within {LIMIT_S:g} s of the processor"
    return Row(f"{name}, {count} files", measured, promised, holds)


def _in_child(name: str, count: int, folder: Path) -> Outcome:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_try_all, args=(sender, name, count, folder))
    child.start()
    sender.close()
    try:
        outcome: Outcome = receiver.recv()
    except EOFError:  # the child has crashed
        outcome = Outcome(else_=Counter({"the process died": 1}))
    child.join()
    return outcome


def _try_all(sender: Connection, name: str, count: int, folder: Path) -> None:
    from ml3_ros.core.process import prepare_process
    from ml3_ros.losses import shipped

    prepare_process()
    data = shipped()[name].read_bytes()
    marker = folder / f"{name}.executed"
    outcome, rng = Outcome(), random.Random(name)
    _try(data, "as it is", Outcome())  # whatever is loaded late is loaded now
    signal.signal(signal.SIGPROF, _too_late)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        kind, bad = mutated(data, rng, marker)
        began = time.process_time()
        _try(bad, kind, outcome)
        outcome.slowest = max(outcome.slowest, time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome.memory, outcome.executed = (peak - before) / 1024, marker.exists()
    sender.send(outcome)


def _try(data: bytes, kind: str, outcome: Outcome) -> None:
    from ml3_ros.core.learned_loss import LearnedLoss
    from ml3_ros.errors import LossFileError

    signal.setitimer(signal.ITIMER_PROF, 4.0 * LIMIT_S)
    try:
        loss = LearnedLoss.from_bytes(data)
        if not math.isfinite(loss.value_at(1.0)):
            outcome.else_[f"not finite after {kind}"] += 1
            return
    except LossFileError:
        outcome.refused += 1
    except BaseException as error:
        outcome.else_[f"{type(error).__name__} after {kind}"] += 1
    else:
        outcome.works += 1
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


def _too_late(_number: int, _frame: object) -> None:
    raise TimeoutError("a file took too long")
