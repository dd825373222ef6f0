# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""friction.yaml comes back as it was written, and is parameters of the simulated arm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from ml3_ros.errors import DataError
from ml3_ros.reports.identification.friction_file import (
    friction_text,
    load_friction,
    save_friction,
)
from ml3_ros.robots.perturbation import Perturbation

TRUE = np.array([[1.0, 0.8, 1.5, 0.3], [2.5, 0.4, 0.9, -0.2]])  # as in conftest


def test_friction_comes_back_from_yaml(tmp_path):
    names = ("shoulder", "yes", "1", "el: bow")  # words that YAML reads otherwise
    coefficients = np.arange(16.0).reshape(4, 4) / 3.0
    save_friction(tmp_path, names, coefficients)
    found, values = load_friction(tmp_path / "friction.yaml")
    assert found == names
    np.testing.assert_allclose(values, coefficients, rtol=1e-5)
    assert "viscous  [unit of the recorded effort, s/rad]" in friction_text(names, coefficients)


def test_friction_is_parameters_of_the_simulated_arm(tmp_path):
    coefficients = TRUE.copy()
    coefficients[1, 2] = -0.1  # no arm has friction that drives it
    save_friction(tmp_path, ("shoulder", "elbow"), coefficients)
    text = (tmp_path / "sim_arm.yaml").read_text()
    parameters = yaml.safe_load(text)["/**"]["ros__parameters"]
    arm = Perturbation(**parameters)
    assert arm.viscous == (0.8, 0.4) and arm.coulomb == (1.5, 0.0)
    assert "contradict" in text and text.count("elbow") == 2  # its gain is 2.5
    known = Path(__file__).resolve().parents[3] / "config" / "sim_arm.yaml"
    assert set(parameters) <= set(yaml.safe_load(known.read_text())["/**"]["ros__parameters"])


@pytest.mark.parametrize("text", ["", "joints: 3", "joints: {a: {gain: x}}", "joints: [", "a: 1"])
def test_invalid_friction_files_are_rejected(tmp_path, text):
    (tmp_path / "friction.yaml").write_text(text)
    with pytest.raises(DataError, match=r"cannot be read as friction\.yaml"):
        load_friction(tmp_path / "friction.yaml")
    with pytest.raises(DataError, match="let `ml3 identify` write it"):
        load_friction(tmp_path / "nowhere.yaml")
