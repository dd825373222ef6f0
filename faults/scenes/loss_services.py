# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""File names for the services that load and save losses: nothing outside their folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.rig.waiting import BenchError
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss
from ml3_ros.zoo import shipped

RESPONSE_S = 10.0
LOSS, METHOD = "reacher_ml3_shaped", "ml3_shaped"


def traps(folder: Path, outside: Path) -> dict[str, str]:
    """Set traps in the folder of a node; return file names for requests by what they try."""
    folder.mkdir(parents=True, exist_ok=True)
    outside.mkdir(parents=True)
    secret = outside / "secret.safetensors"
    secret.write_bytes(shipped()[LOSS].read_bytes())  # a good loss: it would be loaded
    (folder / "link.safetensors").symlink_to(secret)
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    (folder / "circle.safetensors").symlink_to(folder / "circle.safetensors")
    (folder / "zero.safetensors").symlink_to("/dev/zero")
    (folder / "folder.safetensors").mkdir()
    os.mkfifo(folder / "pipe.safetensors")
    up = os.path.relpath(secret, folder)
    return {
        "a path upwards": up,
        "one that begins inside": f"linked/../{up}",
        "without its suffix": up.removesuffix(".safetensors"),
        "an absolute path": str(secret),
        "a system file": "/etc/passwd",
        "a link outwards": "link.safetensors",
        "a link outwards, without suffix": "link",
        "a linked folder": "linked/secret",
        "a link to itself": "circle",
        "a device": "/dev/zero",
        "a link to a device": "zero",
        "a pipe": "pipe",
        "a folder": "folder",
        "the folder itself": ".",
        "the folder above": "..",
        "a slash": "/",
        "a very long name": "x" * 5000,
        "very many folders": "x/" * 3000 + "y",
        "control characters": "\x01\n\x1b[31m",
        "a home": "~/secret",
        "a variable": "$HOME/secret",
    }


def rows(rig: Rig) -> Iterator[Row]:
    """Try every name on every service."""
    joints = ["joint0", "joint1"]
    nodes = {
        "meta_learner": rig.folder / "meta" / "losses",
        "policy_optimizer": rig.folder / "mine",
    }
    meta = {"out": rig.folder / "meta", "joints": joints}
    optimizer = {
        "out": rig.folder / "run",
        "robot": "reacher",
        "loss_folder": nodes["policy_optimizer"],
    }
    for name, options in (("meta_learner", meta), ("policy_optimizer", optimizer)):
        outside = rig.folder / f"outside_{name}"
        tried = traps(nodes[name], outside)
        rig.start(name, **options)
        before = _everything(outside)
        yield _row(rig, name, LoadLearnedLoss, "load_learned_loss", tried, outside, before)
        if name == "meta_learner":
            rig.bench.request(LoadLearnedLoss, f"/{name}/load_learned_loss", file=LOSS)
            inside = {"a pipe", "control characters", "a home", "a variable"}  # files like others
            tried = {what: file for what, file in tried.items() if what not in inside}
            yield _row(rig, name, SaveLearnedLoss, "save_learned_loss", tried, outside, before)
        good = rig.bench.request(LoadLearnedLoss, f"/{name}/load_learned_loss", file=LOSS)
        works = good.success
        yield Row(
            f"{name} afterwards",
            f"a good request {'succeeds' if works else 'FAILS'}",
            "succeeds",
            works and rig.processes[name].alive,
        )


def _row(
    rig: Rig,
    node: str,
    kind: type,
    service: str,
    tried: dict[str, str],
    outside: Path,
    before: dict[str, bytes],
) -> Row:
    wrong, slowest = [], 0.0
    for what, file in tried.items():
        request = {"file": file} | ({"name": METHOD} if kind is SaveLearnedLoss else {})
        began = time.monotonic()
        try:
            response = rig.bench.request(kind, f"/{node}/{service}", RESPONSE_S, **request)
        except BenchError:
            wrong.append(f"{what} (no response)")
        else:
            if response.success or not response.message:
                wrong.append(f"{what} (accepted)")
        slowest = max(slowest, time.monotonic() - began)
    if _everything(outside) != before:
        wrong.append("files outside have changed")
    return Row(
        f"{node}: `{service}`, {len(tried)} names",
        f"{len(tried) - len(wrong)} rejected{': not ' + ', '.join(wrong) if wrong else ''}; "
        f"slowest response {slowest:.1f} s",
        "all rejected with a sentence, nothing outside is changed",
        not wrong,
    )


def _everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
