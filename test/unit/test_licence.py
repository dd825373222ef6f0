# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Each source file names its copyright and licence, as tools that scan packages read them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("ml3_ros", "faults", "tools", "examples", "launch", "test")
SOURCES = sorted(  # comments of a message are its documentation
    path for folder in FOLDERS for kind in ("*.py", "*.c") for path in (ROOT / folder).rglob(kind)
)
HEADER = (
    "SPDX-FileCopyrightText: 2026 ml3_ros maintainers",
    "SPDX-License-Identifier: Apache-2.0",
)


def test_source_files_begin_with_their_licence():
    for path in (ROOT / "setup.py", *SOURCES):
        first, second = path.read_text(encoding="utf-8").splitlines()[:2]
        assert (first[2:].strip(), second[2:].strip()) == HEADER, path


def test_the_licence_is_that_of_the_packages():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    packages = [ROOT / "package.xml", *ROOT.glob("*/package.xml"), *ROOT.glob("*/*/package.xml")]
    ours = [path for path in packages if path.relative_to(ROOT).parts[0][0] != "."]
    assert len(ours) >= 4
    for package in ours:
        assert "<license>Apache-2.0</license>" in package.read_text(), package
