"""Pages, notebooks, messages and docs use the words of docs/words.md, and none that it replaces."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest
from conftest import ROOT

REPLACED = re.compile(
    r"\bnoughts?\b|\bbeforehand\b|\bcr(y|ies|ied|ying) wolf\b|\bdrawn towards\b"
    r"|\bcame over (all|the areas|it|them)\b|\bwobbl|\bsteadied\b"
    r"|\bstray(s|ed|ing)?\b|\bhangs? (on|together)\b|\bno fellow\b|\bpart(ed|ing)? from\b"
    r"|\bfor want of\b|\bbends? by\b|\b(finest p|rests much|met exactly)\b",
    re.I,
)
PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/README.md"]
DOCS = [ROOT / name for name in PAGES] + sorted((ROOT / "docs").glob("*.md"))
BOOKS = [
    path
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
]
MODULES = sorted((ROOT / "lsp_analysis").rglob("*.py"))


def found(text):
    return [match[0] for match in REPLACED.finditer(text)]


def strings(path):
    """Every text of a module that a user may read: messages, docstrings, labels."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_docs(path):
    text = path.read_text(encoding="utf-8")
    body = text.partition("## Written so")[0] if path.name == "words.md" else text
    assert found(body) == []


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebooks(path):
    cells = nbformat.read(path, as_version=4).cells
    assert found(" ".join(cell.source for cell in cells)) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_messages_and_docstrings(path):
    assert found(" ".join(strings(path))) == []


def test_every_verdict_is_explained():
    from lsp_analysis.figures.tables import VERDICTS

    glossary = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
    assert {"close to it", "no clear difference", "too few to say", "not comparable"} <= set(
        VERDICTS
    )
    for verdict in ("close to it", "no clear difference", "too few to say", "not comparable"):
        assert f"| {verdict} |" in glossary
