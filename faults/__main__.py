# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`python -m faults [NAME ...]`: does harm to running nodes and reports what they do."""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from faults import page
from faults.rig.result import Bench, Finding
from ml3_ros.files import user_path, write_atomically

BENCHES = (
    "messages",
    "masters",
    "clocks",
    "disks",
    "losses",
    "kills",
    "hold",
    "efforts",
    "soak",
    "security",
)
FINDINGS, QUICK_FINDINGS = Path("docs/metrics/faults"), Path("out/faults/quick")
WORK = Path("out/faults/work")
PAGE = Path("docs/reliability.md")
DOMAIN_ID = "77"  # unless ROS_DOMAIN_ID says another one


def main(words: Sequence[str] | None = None) -> int:
    """Run benches one after another; return 1 if something promised does not hold."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("--out", type=user_path, help=f"folder of the findings; {FINDINGS}")
    parser.add_argument("--page", type=user_path, help=f"page to render; {PAGE} if it is complete")
    given = parser.parse_args(words)
    unknown = sorted(set(given.names) - set(BENCHES))
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}: use {', '.join(BENCHES)}")
    out = given.out or (QUICK_FINDINGS if given.quick else FINDINGS)
    os.environ.setdefault("ROS_DOMAIN_ID", DOMAIN_ID)
    held = True
    for name in given.names or BENCHES:
        finding = run(name, quick=given.quick)
        measured = page.Measured(finding, os.cpu_count() or 1, f"{datetime.date.today()}")
        page.save(out / f"{name}.json", measured)
        held = held and finding.holds
    missing = [name for name in BENCHES if not (out / f"{name}.json").exists()]
    if given.page or not (missing or given.quick):
        found = [name for name in BENCHES if name not in missing]
        text = page.render({name: page.load(out / f"{name}.json") for name in found})
        write_atomically(given.page or PAGE, text.encode())
    return 0 if held else 1


def run(name: str, *, quick: bool) -> Finding:
    """Run one bench in an empty folder of its own, and print what it finds."""
    folder = (WORK / name).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bench: Bench = importlib.import_module(f"faults.benches.{name}").bench
    began = time.monotonic()
    finding = bench(folder, quick)
    print(f"{name}: {finding.title}, {time.monotonic() - began:.0f} s")
    for row in finding.rows:
        mark = {True: "ok ", False: "BAD", None: "   "}[row.holds]
        print(f"  {mark} {row.what}: {row.measured}", flush=True)
    return finding


if __name__ == "__main__":
    sys.exit(main())
