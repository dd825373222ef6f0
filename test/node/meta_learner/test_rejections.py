# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""meta_learner and goals that cannot be met: each is rejected, and log and diagnostics say why."""

from __future__ import annotations

import pytest

from ml3_ros.nodes.meta_learner.node import MetaLearner
from test.node.meta_learner.bench import ALIKE, SUCCESS, Client


def shown(node):
    """Return what /diagnostics says of goals that were rejected: how many, and the last."""
    values = {value.key: value.value for value in node.diagnostics.status().values}
    return values.get("rejected goals"), values["last rejected goal"]


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        ({"task": "cooking"}, "there is no task 'cooking': use 'inverse_dynamics'"),
        ({"task": ""}, "there is no task ''"),
        ({"nle": "maybe"}, "nle must be one of given, learned, got 'maybe'"),
        ({"architecture": "tree"}, "architecture must be one of mlp, structured, got 'tree'"),
        ({"seed": -1}, "seed must be >= 0, got -1"),
        ({"name": ""}, "name must not be empty"),
        ({"name": ".."}, "is not inside"),
        ({"name": "../../evil"}, "is no file name: leave out folders"),
        ({"name": "a/b"}, "is no file name: leave out folders"),
        ({"name": "ü" * 101}, "is no file name: leave out folders, and take at most 200 bytes"),
        ({"name": "two\nlines"}, "name must be a line of text"),
    ],
)
def test_a_goal_that_cannot_be_trained_is_rejected_with_the_reason(
    graph, learner, tmp_path, capfd, goal, sentence
):
    node, _, client = learner()
    assert shown(node) == (None, "none")
    assert not client.send(**goal).accepted
    count, last = shown(node)
    assert count == "1"
    assert sentence in last
    assert f"is rejected: {last.partition(': ')[2]}" in capfd.readouterr().err
    assert not (tmp_path / "out" / "training").exists()
    handle = client.send()  # and the next one is taken
    assert handle.accepted


def test_an_error_that_nobody_thought_of_rejects_the_goal_and_ends_nothing(
    graph, learner, monkeypatch, capfd
):
    node, _, client = learner()

    def breaks(_goal):
        raise ZeroDivisionError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr(node._action, "_check", breaks)
        assert not client.send().accepted
    assert "ZeroDivisionError: nobody thought of this" in shown(node)[1]
    assert "Traceback" in capfd.readouterr().err
    assert client.send().accepted


def test_while_one_is_trained_another_is_rejected_by_the_name_of_the_first(learner, capfd):
    _, _, client = learner()
    assert client.send(name="first").accepted
    assert not client.send(name="second").accepted
    log = capfd.readouterr().err
    assert "goal 'second' is rejected: first is being trained; cancel it, or wait" in log


def test_an_inactive_node_rejects_goals_and_shows_why(learner):
    node, _, client = learner()
    node.trigger_deactivate()
    assert not client.send().accepted
    assert "activate the node first" in shown(node)[1]


def test_a_stream_too_short_for_one_task_is_known_before(learner):
    node, _, client = learner(segment_seconds=3.0)
    assert not client.send().accepted
    assert "raise record_seconds, or lower segment_seconds" in shown(node)[1]


def test_a_folder_that_cannot_be_written_is_known_before(learner, tmp_path):
    node, _, client = learner()
    (tmp_path / "out" / "training").write_text("a file where the folder should be")
    assert not client.send().accepted
    assert "choose another `out`" in shown(node)[1]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("checkpoint.safetensors", "delete it to start anew"),
        ("samples.safetensors", "to start anew"),
    ],
)
def test_a_goal_whose_files_do_not_fit_is_rejected_until_they_are_gone(
    graph, learner, tmp_path, file, sentence
):
    node, arm, client = learner()
    arm.stream(260)
    handle = client.send(iterations=1_000_000)
    graph.until(lambda: client.feedback and client.feedback[-1].iteration > 1)
    client.cancelled(handle, node)
    path = tmp_path / "out" / "training" / "ml3_unshaped" / file
    path.write_bytes(path.read_bytes()[:-100])
    assert not client.send(iterations=1_000_000).accepted
    last = shown(node)[1]
    assert str(path) in last
    assert sentence in last
    path.unlink()
    if file.startswith("checkpoint"):
        assert client.send(iterations=1_000_000).accepted


def test_a_checkpoint_of_another_training_is_rejected(graph, learner, tmp_path):
    node, arm, client = learner()
    arm.stream(260)
    for name, seed in (("ours", 0), ("other", 1)):
        handle = client.send(name=name, seed=seed, iterations=1_000_000)
        graph.until(lambda: client.feedback and client.feedback[-1].iteration > 1)
        client.cancelled(handle, node)
    folder = tmp_path / "out" / "training"
    foreign = (folder / "other" / "checkpoint.safetensors").read_bytes()
    (folder / "ours" / "checkpoint.safetensors").write_bytes(foreign)
    assert not client.send(name="ours", iterations=1_000_000).accepted
    assert "the checkpoint belongs to another run: delete it" in shown(node)[1]


def test_a_shaped_goal_without_a_prior_names_the_node_that_lacks(graph, tmp_path, capfd):
    node = graph.add(MetaLearner, "meta_learner", out=str(tmp_path / "out"), **ALIKE)
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    arm = graph.arm(node)
    client = Client(graph, arm.probe)
    arm.stream(260)
    assert client.send(use_prior=True).accepted
    seen = []

    def warned():
        seen.append(capfd.readouterr().err)
        return "activate rigid_body_prior" in "".join(seen)

    graph.until(warned)
