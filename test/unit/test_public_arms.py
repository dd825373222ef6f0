# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of public recordings: found by content, and downloaded only as they were expected."""

from __future__ import annotations

import functools
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ml3_ros.benchmarks.arms.files import collect, manifest, sha256
from ml3_ros.data.columns.mapping import mapping_of
from ml3_ros.errors import DataError

CONTENT = b"1,2,3\n"


@pytest.fixture
def arm(tmp_path):
    """Return the first arm of the manifest with one small file, served over HTTP."""
    (tmp_path / "served" / "o" / "r").mkdir(parents=True)
    (tmp_path / "served" / "o" / "r" / "a.csv").write_bytes(CONTENT)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/o/r/a.csv"
    first = manifest()[0]
    file = replace(first.files[0], name="a.csv", url=url, sha256=sha256(CONTENT))
    yield replace(first, files=(file,))
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_manifest_names_every_file_that_it_reads(tmp_path):
    arms = manifest()
    assert len(arms) >= 8
    for arm in arms:
        names = {file.name for file in arm.files}
        assert [arm.bag, arm.mapping, arm.table].count(None) == 2
        assert [arm.urdf, arm.package_urdf].count(None) == (1 if arm.table is None else 2)
        used = {arm.bag, arm.urdf, arm.table} - {None}
        if arm.mapping is not None:
            mapping = mapping_of(dict(arm.mapping), tmp_path)
            signals = (mapping.time, mapping.position, mapping.velocity, mapping.effort)
            used |= {signal.file.name for signal in signals if signal is not None}
        assert used == names
        assert all(len(file.sha256) == 64 and "/None" not in file.url for file in arm.files)


def test_a_missing_file_is_named_and_downloaded_on_demand(arm, tmp_path):
    out = tmp_path / "out"
    assert collect(arm, [], out, fetch=False) == ["a.csv"]
    assert collect(arm, [], out, fetch=True) == []
    assert (out / "a.csv").read_bytes() == CONTENT
    assert collect(replace(arm, files=arm.files), [], out, fetch=False) == []


def test_a_file_elsewhere_is_linked_and_one_with_other_content_is_not(arm, tmp_path):
    for name, content in (("wrong", b"4\n"), ("right", CONTENT)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_bytes(content)
    out = tmp_path / "out"
    assert collect(arm, [tmp_path / "wrong"], out, fetch=False) == ["a.csv"]
    assert collect(arm, [tmp_path / "wrong", tmp_path / "right"], out, fetch=False) == []
    assert (out / "a.csv").resolve() == tmp_path / "right" / "a.csv"


def test_a_download_with_other_content_is_not_written(arm, tmp_path):
    other = replace(arm.files[0], sha256=sha256(b"other"))
    with pytest.raises(DataError, match="not the file that was expected"):
        collect(replace(arm, files=(other,)), [], tmp_path / "out", fetch=True)
    assert not (tmp_path / "out" / "a.csv").exists()


def test_a_download_that_fails_says_what_to_do(arm, tmp_path):
    gone = replace(arm.files[0], url=arm.files[0].url + ".gone")
    with pytest.raises(DataError, match="--data"):
        collect(replace(arm, files=(gone,)), [], tmp_path / "out", fetch=True)
