# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node reads and writes losses in its folder only, whatever path a request holds."""

from __future__ import annotations

import pytest

from ml3_ros.errors import LossFileError
from ml3_ros.nodes.kit.loss_files import inside


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "losses"
    folder.mkdir()
    (tmp_path / "secret.safetensors").write_bytes(b"")
    (folder / "link.safetensors").symlink_to(tmp_path / "secret.safetensors")
    (folder / "circle.safetensors").symlink_to(folder / "circle.safetensors")
    return folder


def test_a_name_is_a_file_of_the_folder_with_or_without_its_suffix(folder):
    for name in ("mine", "mine.safetensors", "below/../mine"):
        assert inside(folder, name) == (folder / "mine.safetensors").resolve()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/", "../secret", "/etc/passwd", "link", "circle", "a\0b"]
)
def test_everything_else_is_rejected(folder, name):
    with pytest.raises(LossFileError, match="is not inside"):
        inside(folder, name)
