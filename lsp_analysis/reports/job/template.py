"""The notebook a report is made from: found by name, checked, its parameters and style read."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_analysis import untrusted
from lsp_analysis.errors import LspError, ReportError, did_you_mean
from lsp_analysis.reports.job.digests import states_of
from lsp_analysis.reports.job.parameters import SET_BY_THE_RUNNER, Parameter, declared_parameters
from lsp_analysis.resources import resource

if TYPE_CHECKING:
    from nbformat import NotebookNode

DEFAULT = "report_area"
AS_PYTHON = {
    "kernel_name": "python3",
    "language": "python",
}  # whatever its author's kernel is called
EXPECTED = ("figures", "tables", "sentences")


@dataclass(frozen=True)
class Template:
    """A report notebook that has been read, with what it declares."""

    name: str
    path: Path
    parameters: dict[str, Parameter]
    expect: dict[str, int]  # least number of figures, tables and sentences of a whole report
    digest: str
    notebook: dict[str, Any] = field(repr=False, compare=False)
    state: dict[str, list[int]] = field(repr=False, compare=False)  # of its file when it was read
    house: dict[str, str] = field(default_factory=dict, repr=False)  # see `read_house_style`
    audience: str = ""  # that it is for, unless another is asked for


def load_template(name: str | Path) -> Template:
    """The report notebook `name`: one that ships with the package, or a path ending ``.ipynb``.

    Raises
    ------
    ReportError
        There is no such notebook, it is damaged, or it has no parameters cell that declares
        ``study`` and ``area`` as text: without one it would report its default area for every area.
    """
    path = _find(str(name))
    state, content = states_of([path]), _read(path)
    notebook = _parse(content, path)
    _refuse_other_language(notebook, path)
    cells = [cell for cell in notebook["cells"] if "parameters" in tags_of(cell)]
    if len(cells) != 1 or cells[0]["cell_type"] != "code":
        raise ReportError(
            f"{path.name} has {len(cells)} cells tagged parameters and needs one code cell. "
            "Without it every page would be about the notebook's default area: tag that cell."
        )
    declared = declared_parameters(source_of(cells[0]), path.name)
    for needed in SET_BY_THE_RUNNER:
        if needed not in declared or declared[needed].kind != "str":
            raise ReportError(
                f'The parameters cell of {path.name} does not declare {needed}: str = "...". '
                "Add it, so that the report is about the area it is asked for."
            )
    house = read_house_style(path)
    digest = hashlib.sha256(content).hexdigest()
    expected = _expected(notebook, path)
    audience = str(notebook.get("metadata", {}).get("lsp", {}).get("audience", ""))
    return Template(path.stem, path, declared, expected, digest, notebook, state, house, audience)


def tags_of(cell: dict[str, Any]) -> list[str]:
    """Tags of a notebook cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def source_of(cell: dict[str, Any]) -> str:
    """Text of a notebook cell, which files may hold as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _find(name: str) -> Path:
    if name.endswith(".ipynb"):
        path = Path(name)
        if not path.is_file():
            raise ReportError(f"There is no report notebook {name}. Check the path.")
        return path.resolve()
    shipped = _shipped()
    if name not in shipped:
        raise ReportError(
            f"There is no report template {name[:60]!r}.{did_you_mean(name, shipped)} "
            f"There are: {', '.join(shipped) or 'none'}; a path ending .ipynb works too."
        )
    return shipped[name]


def _shipped() -> dict[str, Path]:
    """Report notebooks that come with the package, by name."""
    try:
        folder = resource("notebooks/reports")
    except LspError:
        return {}
    return {path.stem: path for path in sorted(folder.glob("*.ipynb"))}


def _read(path: Path) -> bytes:
    try:
        return untrusted.read_bytes(path)
    except LspError as error:
        raise ReportError(f"{error} Restore it from a copy.") from error


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        text = content.decode("utf-8")  # as nbformat will, without a mark before it
        notebook = untrusted.parse_json(text, {"type": "object"}, path.name)
    except (LspError, UnicodeDecodeError):
        notebook = {}
    if notebook.get("nbformat") in (1, 2, 3):  # of before 2014, which Jupyter still opens
        raise ReportError(
            f"{path} is a notebook of format {notebook['nbformat']}, and a report needs format 4. "
            "Open it in Jupyter and save it again."
        )
    if untrusted.fault_of(notebook, untrusted.schema("notebook")):
        raise ReportError(
            f"{path} is damaged: it is no Jupyter notebook of format 4. Restore it from a copy."
        )
    return notebook


def _refuse_other_language(notebook: dict[str, Any], path: Path) -> None:
    """Reports run in this interpreter, under whatever name its author's kernel went."""
    about = notebook.get("metadata", {})
    said = [about.get("kernelspec", {}).get("language"), about.get("language_info", {}).get("name")]
    others = [str(language) for language in said if language not in (None, "", "python")]
    if others:
        raise ReportError(
            f"{path.name} is written in {others[0][:40]}, and a report needs Python. "
            "Choose a Python kernel for it, and save it again."
        )


def _expected(notebook: dict[str, Any], path: Path) -> dict[str, int]:
    """What the notebook says it shows: ``"lsp": {"expect": {"figures": 4}}`` in its metadata."""
    expect = notebook.get("metadata", {}).get("lsp", {}).get("expect", {})
    good = isinstance(expect, dict) and all(
        key in EXPECTED and type(least) is int and least >= 0 for key, least in expect.items()
    )
    if not good:
        raise ReportError(
            f"{path.name} expects {str(expect)[:80]!r} in its metadata. "
            f"Give whole numbers for {', '.join(EXPECTED)}."
        )
    return dict(expect)


def read_notebook(path: str | Path, digest: str) -> NotebookNode:
    """The notebook at `path` as nbformat has it, if its content still has the SHA-256 `digest`."""
    import nbformat

    content = _read(Path(path))
    if hashlib.sha256(content).hexdigest() != digest:
        raise ReportError(f"The template {path} was changed since it was read. Make it again.")
    try:
        return nbformat.v4.upgrade(nbformat.reads(content.decode(), as_version=4))
    except Exception as error:  # nbformat and jsonschema share no base class
        raise ReportError(f"The template {path} is damaged. Restore it from a copy.") from error


LARGEST_LOGO = 60_000  # bytes: every page carries it
LOGOS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}


def read_house_style(template: Path) -> dict[str, str]:
    """The house style of a template: ``logo`` (data URI), ``colour``, ``second``, ``contact``,
    ``footer``; empty where there is no file of its name ending ``.toml`` beside it.

    Raises
    ------
    ReportError
        The file or the logo cannot be used: which line, and why.
    """
    path = template.with_suffix(".toml")
    if not path.is_file():
        return {}
    try:
        told = tomllib.loads(untrusted.read_text(path))
    except (LspError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ReportError(f"{path.name} cannot be read: {reason}.") from error
    if fault := untrusted.fault_of(told, untrusted.schema("house_style")):
        raise ReportError(
            f"{path.name} is not as it should be: {fault}. It may say, each as text: logo, colour "
            'and second (such as "#12436d"), contact and footer (of at most 300 characters).'
        )
    return told | ({"logo": _logo(path.parent / told["logo"], path.name)} if "logo" in told else {})


def _logo(path: Path, said_in: str) -> str:
    kind = LOGOS.get(path.suffix.lower())
    if kind is None or not path.is_file():
        raise ReportError(
            f'{said_in}: there is no picture "{path.name}" (PNG, JPEG or SVG) beside the template.'
        )
    content = path.read_bytes()
    if len(content) > LARGEST_LOGO:
        raise ReportError(
            f"{said_in}: the logo has {len(content):,} bytes, and may have {LARGEST_LOGO:,}. "
            "Save it smaller."
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def style_rules(house: dict[str, Any]) -> str:
    """Rules that give a page the two colours of a house style, on light grounds only."""
    named = {"colour": "--here", "second": "--worse"}
    rules = [f"{named[key]}: {house[key]};" for key in named if house.get(key)]
    if not rules:
        return ""
    root = f":root {{ {' '.join(rules)} }}"
    return (
        f"@media screen and (prefers-color-scheme: light) {{ {root} }}\n@media print {{ {root} }}\n"
    )
