# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
import random

from faults.mutations.loss_files import KINDS, mutated
from ml3_ros.zoo import shipped

DATA = shipped()["reacher_ml3_shaped"].read_bytes()


def drawn(seed, marker, count=150):
    rng = random.Random(seed)
    return [mutated(DATA, rng, marker) for _ in range(count)]


def test_the_same_seed_gives_the_same_files_and_all_kinds(tmp_path):
    first = drawn(0, tmp_path / "marker")
    assert first == drawn(0, tmp_path / "marker")
    assert first != drawn(1, tmp_path / "marker")
    assert {kind for kind, _ in first} == set(KINDS)
    assert sum(data == DATA for _, data in first) < 0.05 * len(first)
