"""The documents tell the truth: their code runs, their links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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


def test_the_code_of_the_other_pages_runs():
    for page in PAGES[1:]:
        for block in python_blocks(page):
            exec(compile(block, str(page), "exec"), {})
