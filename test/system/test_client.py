# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The Python client with a real system: it starts, follows, changes, ends and reads a run."""

from __future__ import annotations

import pytest

from ml3_ros.bringup.middleware import profile_variable
from ml3_ros.client import Client, RunError
from ml3_ros.errors import ConfigError, DataError
from test.system.waiting import wait_until

pytestmark = pytest.mark.system

SHORT = {"duration": 3.0, "hold_out": 1.5}
ENDLESS = {"duration": 600.0, "hold_out": 1.5}


@pytest.fixture
def client(patient_profile, monkeypatch):
    monkeypatch.setenv(profile_variable(), str(patient_profile))
    with Client("left") as client:
        yield client


def test_a_run_is_started_followed_and_read(client, tmp_path):
    run = client.start("reacher_invdyn", loss="none", out=tmp_path / "out", **SHORT)
    wait_until(client.statuses)
    with pytest.raises(RunError, match="no results yet: call wait first"):
        run.results()
    assert run.wait(180.0)
    assert not run.running
    assert set(client.statuses()) == {"adam_tuned", "sgd_tuned"}
    assert all(status.update > 0 for status in client.statuses().values())
    assert {"adam_tuned", "sgd_tuned"} <= set(str(run.results()).replace("'", " ").split())


def test_a_running_learner_takes_another_loss_and_begins_afresh(client, tmp_path):
    run = client.start("reacher_invdyn", out=tmp_path / "out", **ENDLESS)
    wait_until(client.statuses)
    assert "ml3_shaped uses" in client.load_loss("reacher_ml3_shaped")
    with pytest.raises(RunError, match="nowhere"):
        client.load_loss("nowhere.safetensors")
    assert "adam_tuned" in client.reset("adam_tuned", seed=3)
    with pytest.raises(RunError, match="no_such_method"):
        client.reset("no_such_method")
    with Client("left", name="onlooker") as onlooker:  # which somebody else has started
        wait_until(onlooker.statuses)
        assert "all methods" in onlooker.reset()
    run.cancel()
    assert not run.running
    with pytest.raises(DataError):
        run.results()


def test_what_cannot_run_is_an_error_with_its_reason(client, tmp_path):
    with pytest.raises(ConfigError, match="there is no system 'reacher_indyn'"):
        client.start("reacher_indyn")
    with pytest.raises(ConfigError, match="has no argument 'durtion'"):
        client.start("reacher_invdyn", durtion=3.0)
    with pytest.raises(RunError, match="there is no service /left/policy_optimizer/reset_"):
        client.reset(timeout=0.5)
    (tmp_path / "file").touch()
    run = client.start("reacher_invdyn", loss="none", out=tmp_path / "file" / "out", **SHORT)
    with pytest.raises(RunError, match=r"the run ended with rc 1:\n(.*\n)*.*ending the rest"):
        run.wait(180.0)
