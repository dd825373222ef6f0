# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The documents are true: their code runs, their links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KEPT = {path.name for folder in (ROOT, ROOT / "ml3_ros") for path in folder.iterdir()}


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)


def test_the_code_in_the_readme_learns(capsys):
    (block,) = python_blocks(ROOT / "README.md")
    values = {}
    exec(compile(block, "README.md", "exec"), values)
    assert "predicted" in capsys.readouterr().out
    assert values["learner"].n_learned == 2000
    assert len(values["learner"].predict("ml3", values["q"], values["v"], values["a"])) == 7


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_are_named_exist(page):
    """Those of the repository, as `core/engine/`; capitals stand for any name, out/ for a run."""
    roots = (ROOT, ROOT / "ml3_ros")
    named = re.findall(r"`((?:[a-z_\d-]+/)+(?:\w+\.[a-z\d]+)?)`", page.read_text())
    places = [x for x in named if x.split("/")[0] in KEPT and not re.search("[A-Z]{2}", x)]
    assert not [x for x in places if not any((root / x).exists() for root in roots)]


def test_the_code_of_the_other_pages_runs():
    for page in PAGES[1:]:
        for block in python_blocks(page):
            exec(compile(block, str(page), "exec"), {})
