# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 identify` without networks: no torch is loaded, and nothing waits for one."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from ml3_ros.cli.main import main
from ml3_ros.errors import ConfigError
from ml3_ros.identification.all_fits import JOINT_FITS
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.run import IdentifyConfig, identify
from ml3_ros.identification.unordered import TableConfig
from ml3_ros.reports.identification.html import report_html

FITS = [*JOINT_FITS, "physical_simple", "physical"]
RUN = """
import sys
from ml3_ros.cli.main import main
code = main(sys.argv[1:])
print("loaded", sorted({"torch", "rclpy", "sklearn", "tyro"} & set(sys.modules)))
sys.exit(code)
"""


def test_no_network_is_trained_and_torch_is_not_loaded(recording, urdf, tmp_path, save_bag):
    bag, out = save_bag(tmp_path / "bag", recording), tmp_path / "out"
    words = ["identify", "--bag", str(bag), "--urdf", str(urdf), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert float(re.search(r"peak memory (\d+) MB", done.stdout)[1]) > 50.0
    metrics = json.loads((out / "metrics.json").read_text())
    assert list(metrics["methods"]) == FITS and metrics["config"]["networks"] is None
    assert "`--networks` adds them" in done.stdout
    assert (out / "report.html").stat().st_size and (out / "efforts.png").stat().st_size


def test_verdicts_and_figures_are_about_the_extended_fit(recording, model):
    config = IdentifyConfig(bag="b", urdf="u")
    result = identify(config, recording, model, lambda text: None)
    assert result.best() == "extended_fit"
    assert "Networks: mean over" not in report_html(result, {})


def test_a_setting_of_networks_asks_for_them(recording, urdf, tmp_path, save_bag, capsys):
    bag = save_bag(tmp_path / "bag", recording)
    words = ["identify", "--bag", str(bag), "--urdf", str(urdf), "--out", str(tmp_path / "out")]
    small = ["networks.seeds=1", "networks.hidden=8", "networks.marks=5"]
    assert main([*words, *small, "networks.adam_steps=0.01"]) == 0
    assert "hybrid_ml3: held-out NMSE" in capsys.readouterr().out


def test_a_loss_without_networks_is_rejected(tmp_path, capsys):
    with pytest.raises(ConfigError, match="ask for them with --networks"):
        IdentifyConfig(bag="b", urdf="u", loss="sawyer_ml3_shaped")
    with pytest.raises(ConfigError, match="ask for them with --networks"):
        TableConfig(table="t", loss="sawyer_ml3_shaped")
    assert IdentifyConfig(bag="b", urdf="u", loss="x", networks=NetworkConfig()).loss == "x"
    words = ["identify", "--bag", "b", "--urdf", "u", "--out", str(tmp_path / "out")]
    assert main([*words, "loss=sawyer_ml3_shaped"]) == 2
    assert "--networks" in capsys.readouterr().err


def test_a_reader_that_leaves_early_gets_no_traceback(recording, urdf, tmp_path, save_bag):
    """As `ml3 check my_bag --urdf my_arm.urdf | head -1` does."""
    bag = save_bag(tmp_path / "bag", recording)
    words = [sys.executable, "-m", "ml3_ros.cli.main", "check", str(bag), "--urdf", str(urdf)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as program:
        program.stdout.close()
        assert program.stderr.read() == ""
        assert program.wait(timeout=60) == 141
