# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables in no order of time: twins stay on one side, and models learn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat
from scipy.spatial import cKDTree

from ml3_ros.cli.main import main
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.unordered import (
    MlpConfig,
    TableConfig,
    features,
    identify_table,
    ridge,
    tuned_mlp,
)
from ml3_ros.identification.unordered_split import (
    Table,
    TableSplitConfig,
    read_table,
    table_rows,
)
from ml3_ros.reports.identification.output import identification_metrics, save_identification

SPLIT = TableSplitConfig(clusters=16)
MLP = MlpConfig(hidden=((8,),), step_sizes=(1e-2,), epochs=(2, 5))


@pytest.fixture(scope="module")
def table(rows):
    """The rows of the arm's motion in random order: neighbours in time may stand anywhere."""
    order = np.random.default_rng(0).permutation(len(rows.t))
    return Table(**{name: getattr(rows, name)[order] for name in ("q", "v", "a", "tau")})


@pytest.fixture(scope="module")
def split(table):
    return table_rows(table, SPLIT)


def save(path, matrix, name="data"):
    savemat(path, {name: matrix})
    return path


def test_a_matrix_is_read_by_its_columns(tmp_path):
    matrix = np.arange(24.0).reshape(3, 8)
    table = read_table(save(tmp_path / "x.mat", matrix))
    np.testing.assert_array_equal(table.q, matrix[:, :2])
    np.testing.assert_array_equal(table.tau, matrix[:, 6:])


def test_neighbours_are_never_on_both_sides(table, split):
    state = np.hstack([split.q, split.v])
    out = split.held_out
    scale = np.hstack([table.q, table.v]).std(axis=0)
    apart = cKDTree(state[out] / scale).query(state[~out] / scale)[0]
    whole = np.hstack([table.q, table.v]) / scale
    usual = np.median(cKDTree(whole).query(whole, k=2)[0][:, 1])
    assert apart.min() >= usual
    assert len(table_rows(table, replace(SPLIT, guard=8.0)).t) < len(split.t) < len(table.q)
    assert 0.1 < out.mean() < 0.45


def test_whole_clusters_are_held_out(split):
    for cluster in np.unique(split.block):
        assert len(set(split.group[split.block == cluster])) == 1
    assert set(split.group) == {-1, 0, 1, 2}


def test_ridge_learns_and_sees_nothing_held_out(split):
    fit = ridge(split, features(split), penalties=(1e-4, 1e-2))
    out = split.held_out
    error = np.mean((fit.predicted[-1] - split.tau)[out] ** 2, axis=0) / split.tau[out].var(axis=0)
    assert error.max() < 0.2
    spoilt = replace(split, tau=split.tau + 50.0 * out[:, None])
    again = ridge(spoilt, features(spoilt), penalties=(1e-4, 1e-2))
    np.testing.assert_array_equal(fit.predicted, again.predicted)


def test_the_perceptron_is_tuned_on_left_out_clusters_and_sees_nothing_held_out(split):
    columns = np.hstack([split.q, split.v, split.a])
    predicted, chosen = tuned_mlp(split, columns, MLP, seeds=2)
    assert predicted.shape == (2, *split.tau.shape)
    assert not np.allclose(predicted[0], predicted[1])
    assert chosen["epochs"] == 5
    spoilt = replace(split, tau=split.tau + 50.0 * split.held_out[:, None])
    np.testing.assert_array_equal(tuned_mlp(spoilt, columns, MLP, seeds=2)[0], predicted)


def test_every_method_is_evaluated_and_reported(table, tiny, tmp_path):
    lines = []
    config = TableConfig(table="motion.mat", split=SPLIT, mlp=MLP, networks=tiny)
    result = identify_table(config, table, lines.append)
    assert list(result.heldout) == [
        "ridge",
        "ridge_features",
        "mlp_tuned",
        "network_adam",
        "network_ml3",
        "hybrid_adam",
        "hybrid_ml3",
    ]
    assert "16 clusters of (q, v), every fourth held out" in result.notes[0]
    assert any("hybrid_ml3: held-out NMSE" in line for line in lines)
    assert {path.name for path in save_identification(result, tmp_path)} == {
        "metrics.json",
        "report.html",
    }
    assert (tmp_path / "efforts.png").stat().st_size
    headline = identification_metrics(result).headline
    assert headline["best_over_reference"] == pytest.approx(
        headline["hybrid_ml3_heldout_nmse"] / headline["ridge_heldout_nmse"]
    )


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (np.ones((5, 7)), "give 4 columns a joint"),
        (np.array([[1.0, 2.0, 3.0, np.nan]]), "holds NaN or infinity"),
        (np.array(["a"]), "one matrix of numbers"),
        (np.zeros((0, 8)), "give 4 columns a joint"),
    ],
)
def test_unusable_tables_are_rejected_with_the_reason(tmp_path, matrix, sentence):
    with pytest.raises(DataError, match=sentence):
        read_table(save(tmp_path / "x.mat", matrix))


def test_other_files_than_tables_are_rejected_with_the_reason(tmp_path):
    with pytest.raises(DataError, match="there is no table at"):
        read_table(tmp_path / "nowhere.mat")
    (tmp_path / "text.mat").write_text("hello " * 100)
    with pytest.raises(DataError, match="no MATLAB file that can be read"):
        read_table(tmp_path / "text.mat")
    savemat(tmp_path / "two.mat", {"a": np.ones((2, 4)), "b": np.ones((2, 4))})
    with pytest.raises(DataError, match="one matrix of numbers and nothing else"):
        read_table(tmp_path / "two.mat")


def test_small_tables_and_wrong_splits_are_rejected(table):
    few = Table(q=table.q[:100], v=table.v[:100], a=table.a[:100], tau=table.tau[:100])
    with pytest.raises(DataError, match="100 rows: at least 160 are needed"):
        table_rows(few, SPLIT)
    with pytest.raises(ConfigError, match="fold must be 0 to 3"):
        TableSplitConfig(fold=4)
    with pytest.raises(ConfigError, match="clusters must be >= 12 and guard >= 0"):
        TableSplitConfig(clusters=8)


def test_a_table_becomes_a_folder(table, tmp_path, capsys):
    path = save(tmp_path / "motion.mat", np.hstack([table.q, table.v, table.a, table.tau]))
    words = ["--table", str(path), "--out", str(tmp_path / "out"), "split.clusters=16"]
    small = ["networks.seeds=1", "networks.hidden=8", "networks.marks=5", "mlp.epochs=1"]
    assert main(["identify", *words, *small]) == 0
    assert "mlp" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["config"]["split"]["clusters"] == 16
    assert metrics["methods"]["hybrid_ml3"]["x"] == [0, 1]
    assert (tmp_path / "out" / "report.html").stat().st_size
    assert not (tmp_path / "out" / "friction.yaml").exists()


def test_twins_are_left_out_of_a_dense_table_of_one_motion_again_and_again(rows):
    """There, neighbours are so near that the distance between them leaves nothing out."""
    rng = np.random.default_rng(0)
    part = rows.block < 4
    again = {
        name: np.concatenate([getattr(rows, name)[part]] * 12) for name in ("q", "v", "a", "tau")
    }
    again = {name: x + 1e-4 * rng.normal(size=x.shape) for name, x in again.items()}
    split = table_rows(Table(**again), SPLIT)
    motion, out = np.hstack([split.q, split.v, split.a]), split.held_out
    scale = np.hstack([again[name] for name in ("q", "v", "a")]).std(axis=0)
    apart = cKDTree(motion[out] / scale).query(motion[~out] / scale)[0]
    assert apart.min() > 0.09 * np.sqrt(motion.shape[1])
    assert out.any() and (~out).any()
