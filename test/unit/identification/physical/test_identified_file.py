# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""identified.json: there and back to the last digit, and what is damaged is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml3_ros.errors import DataError
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import (
    described,
    load_identified,
    model_of,
    save_identified,
)
from ml3_ros.identification.physical.terms import EXTRA, Term


@pytest.fixture(scope="module")
def arm(truth):
    n = truth.model.nv
    terms = (Term("viscous"), Term("coulomb"), Term("presliding", 0.01), Term("smooth", 0.1, 0.05))
    bare = IdentifiedArm(
        name="sawyer",
        names=truth.model.names,
        links=truth.links,
        gains=np.linspace(0.8, 1.2, n),
        terms=(terms,) * n,
        coefficients=tuple(np.arange(1.0, 5.0) * (j + 1) for j in range(n)),
        noise=np.full(n, 0.3),
        gravity=np.array([0.0, 0.0, -9.81]),
        scale_spread=0.1,
    )
    return described(bare, truth.nominal.description)


def test_an_arm_goes_to_a_file_and_back(arm, truth, tmp_path):
    path = tmp_path / "identified.json"
    save_identified(path, arm)
    again = load_identified(path)
    assert again.names == arm.names and again.terms == arm.terms and again.urdf == arm.urdf
    for name in ("links", "gains", "noise", "gravity"):
        assert np.array_equal(getattr(again, name), getattr(arm, name))
    assert again.scale_spread == 0.1
    rng = np.random.default_rng(0)
    q, v, a = rng.normal(size=(3, 4, 7))
    strain = rng.uniform(-1.0, 1.0, size=(4, 7, 6))
    regressor = truth.nominal.regressor(q, v, a)
    expected = arm.effort(regressor, v, a, strain)
    assert np.allclose(
        again.effort(model_of(again).regressor(q, v, a), v, a, strain), expected, rtol=1e-7
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format="else"), "is no identified arm"),
        (lambda c: c.update(version=99), "version 99"),
        (lambda c: c.pop("joints"), "damaged"),
        (lambda c: next(iter(c["joints"].values()))["link"].update(m=-1.0), "no body"),
        (lambda c: next(iter(c["joints"].values())).update(gain="1; import os"), "damaged"),
        (lambda c: next(iter(c["joints"].values())).update(gain=-1.0), "> 0"),
        (
            lambda c: next(iter(c["joints"].values()))["friction"].append(
                {"term": "magic", "numbers": [], "coefficient": 1.0}
            ),
            "no friction term 'magic'",
        ),
        (
            lambda c: next(iter(c["joints"].values()))["friction"].append(
                {"term": "presliding", "numbers": [0.5], "coefficient": 1.0}
            ),
            "displacement",
        ),
    ],
)
def test_what_is_damaged_is_refused(arm, tmp_path, change, words):
    path = tmp_path / "identified.json"
    save_identified(path, arm)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=words):
        load_identified(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": NaN}', "[" * 100_000])
def test_what_is_no_such_file_is_refused(tmp_path, text):
    path = tmp_path / "identified.json"
    path.write_text(text)
    with pytest.raises(DataError, match="ml3 identify"):
        load_identified(path)


def test_a_urdf_of_another_arm_is_refused(arm):
    from dataclasses import replace

    with pytest.raises(DataError, match="cannot be used"):
        model_of(replace(arm, urdf="<robot name='x'><link name='base'/></robot>"))


def test_terms_have_names_of_their_own():
    names = [term.name for term in EXTRA]
    assert len(set(names)) == len(names)
