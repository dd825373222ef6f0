# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A file whose header claims a huge size is rejected without taking that memory."""

from __future__ import annotations

import json
import subprocess
import sys

from faults.mutations.headers import header_of, small_loss, small_model, with_header
from ml3_ros.core.losses.reader import MAX_BYTES

MOST_KIB = 50 * 1024
MANY = [1.0] * 20_000


def power(header):
    header["spec"]["options"]["power"] = MANY


def power_and_target(header):
    spec = header["spec"]
    for own in (spec["target"], *spec["context"]):
        own["scale"], own["labels"] = [1.0] * 2000, []
    spec["options"] |= {"power": [1.0] * 2000, "velocity": [1.0] * 2000}


def prior_hidden(header):
    header["spec"]["options"]["prior_hidden"] = [4000, 4000]


def hidden(header):
    header["spec"]["options"]["hidden"] = [4000, 4000]


def hidden_of_model(header):
    header["hidden"] = [4000, 4000]


def joints(header):
    names = [str(i) for i in range(2000)]
    scales = dict.fromkeys(("velocity", "acceleration", "effort"), MANY[:2000])
    header["units"] = {"joint_names": names, **scales}


def nested(header):
    header["provenance"] = {"x": json.loads("[" + "[]," * 80_000 + "[]]")}


CASES = {
    "power": ("prior", power),
    "power and target": ("prior", power_and_target),
    "prior_hidden": ("prior", prior_hidden),
    "hidden": ("structured", hidden),
    "nested": ("mlp", nested),
    "hidden of a model": (None, hidden_of_model),
    "joints of a model": (None, joints),
}


def file_of(case):
    architecture, change = CASES[case]
    data = small_loss(architecture) if architecture else small_model()
    header = header_of(data)
    change(header)
    return with_header(data, header)


CHILD = """
import resource, sys
from pathlib import Path
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader

def read(path):
    use = ModelReader() if "model" in path else LearnedLoss.from_bytes
    use(Path(path).read_bytes())

good, bad = sys.argv[1:4], sys.argv[4:]
for path in good:
    read(path)  # whatever is loaded late is loaded now
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in bad:
    try:
        read(path)
    except (DataError, LossFileError):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, path)
"""


def test_files_that_are_rejected_have_cost_little_memory(tmp_path):
    def written(name, data):
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    good = [written(f"good {name}", small_loss(name)) for name in ("prior", "structured")]
    good.append(written("good model", small_model()))
    bad = [written(case, file_of(case)) for case in CASES]
    argv = [sys.executable, "-c", CHILD, *good, *bad]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == len(bad)
    assert int(lines[-1].split()[0]) < MOST_KIB, lines


def test_a_file_is_no_larger_than_what_may_be_rejected():
    assert MAX_BYTES * 3 <= MOST_KIB * 1024
