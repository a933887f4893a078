"""The notebook a report is made from: found by name, checked, its parameters and style read.

Parameters are declared once, in the notebook, and checked before anything starts.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import io
import json
import math
import tokenize
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_analysis import untrusted
from lsp_analysis.errors import LspError, ParameterError, ReportError, did_you_mean
from lsp_analysis.reports.job.digests import states_of
from lsp_analysis.resources import resource

if TYPE_CHECKING:
    from nbformat import NotebookNode

DEFAULT = "report_area"
# Whatever its author's kernel is called.
AS_PYTHON = {"kernel_name": "python3", "language": "python"}
EXPECTED = ("figures", "tables", "sentences")
LEAST = {
    "type": "object",
    "propertyNames": {"enum": EXPECTED},
    "additionalProperties": {"type": "integer", "minimum": 0},
}
SET_BY_THE_RUNNER = ("study", "area")
TRUE = dict.fromkeys(["true", "yes", "1", "on"], True)
TRUTH = TRUE | dict.fromkeys(["false", "no", "0", "off"], False)
FROM_TEXT: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": TRUTH.get}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: ``start: str = "2008-04"  # first month of the programme``."""

    name: str
    kind: str  # str, int, float, bool or list[str]
    default: Any
    help: str = ""


@dataclass(frozen=True)
class Template:
    """A report notebook that has been read, with what it declares."""

    name: str
    path: Path
    parameters: dict[str, Parameter]
    expect: dict[str, int]  # least number of figures, tables and sentences of a whole report
    digest: str
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
    try:
        text = content.decode("utf-8")  # as nbformat will, without a mark before it
        notebook = untrusted.parse_json(text, untrusted.schema("notebook"), path.name)
    except (LspError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path} is damaged, or of before 2014: it is no Jupyter notebook of format 4. Restore "
            "it from a copy, or open it in Jupyter and save it again."
        ) from error
    own = notebook.get("metadata", {}).get("lsp", {})
    expect = own.get("expect", {})
    if untrusted.fault_of(expect, LEAST):
        raise ReportError(
            f"{path.name} expects {str(expect)[:80]!r} in its metadata. "
            f"Give whole numbers for {', '.join(EXPECTED)}."
        )
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
    house, audience = read_house_style(path), str(own.get("audience", ""))
    digest = hashlib.sha256(content).hexdigest()
    return Template(path.stem, path, declared, expect, digest, state, house, audience)


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
    shipped: dict[str, Path] = {}
    with contextlib.suppress(LspError):
        folder = resource("notebooks/reports")
        shipped = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if name not in shipped:
        raise ReportError(
            f"There is no report template {name[:60]!r}.{did_you_mean(name, shipped)} "
            f"There are: {', '.join(shipped) or 'none'}; a path ending .ipynb works too."
        )
    return shipped[name]


def _read(path: Path) -> bytes:
    try:
        return untrusted.read_bytes(path)
    except LspError as error:
        raise ReportError(f"{error} Restore it from a copy.") from error


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


def declared_parameters(source: str, template: str) -> dict[str, Parameter]:
    """Parameters that the code `source` of a parameters cell declares, in order.

    The code is read, never run: every line is ``name: type = plain value  # what it is``. Without
    a type, that of the value counts.

    Raises
    ------
    ReportError
        The cell holds something else than such lines; the message names the line and `template`.
    """
    try:
        lines = ast.parse(source).body
        tokens = [*tokenize.generate_tokens(io.StringIO(source).readline)]
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise _unreadable(template, f"is no Python ({error})") from error
    comments = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    found = {}
    for line in lines:
        match line:
            case ast.Expr(value=ast.Constant()):  # a text that explains
                continue
            case ast.AnnAssign(target=ast.Name(id=name), annotation=written):
                kind = ast.unparse(written)
            case ast.Assign(targets=[ast.Name(id=name)]):
                kind = ""
            case _:
                what = f"has a line that is no parameter: {ast.unparse(line)[:60]}"
                raise _unreadable(template, what)
        try:
            default = ast.literal_eval(line.value)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _unreadable(template, f"gives {name} no plain value") from error
        kind = kind or ("list[str]" if isinstance(default, list) else type(default).__name__)
        if kind not in KINDS:
            raise _unreadable(template, f"declares {name} as {kind}, not as {', '.join(KINDS)}")
        found[name] = Parameter(name, kind, default, comments.get(line.end_lineno or 0, ""))
    return found


def _unreadable(template: str, what: str) -> ReportError:
    return ReportError(
        f"The parameters cell of {template} {what}. "
        'Write each parameter as one line: start: str = "2008-04"  # first month.'
    )


def check_parameters(
    given: Mapping[str, Any], declared: Mapping[str, Parameter], template: str
) -> dict[str, Any]:
    """Values of `given`, each of the type its parameter declares.

    Text, as it comes from a command line or a batch file, is converted; text that a ``str``
    parameter gets stays as it is, so ``007`` is never a number.

    Raises
    ------
    ParameterError
        A name is not declared (papermill would only warn, or run it as code), or a value is not
        of its type.
    """
    free = [name for name in declared if name not in SET_BY_THE_RUNNER]
    values = {}
    for name, value in given.items():
        if name in SET_BY_THE_RUNNER:
            raise ParameterError(
                f"The parameter {name} is set by the command itself. Give it there, not as a "
                "parameter."
            )
        if name not in free:
            raise ParameterError(
                f"{template} has no parameter {str(name)[:60]!r}.{did_you_mean(str(name), free)} "
                f"It has {', '.join(free) or 'none'}."
            )
        kind = declared[name].kind
        try:
            values[name] = _converted(kind, value)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ParameterError(
                f"The parameter {name} of {template} is {KINDS[kind][1]}, not {str(value)[:60]!r}."
            ) from error
    return values


def _converted(kind: str, value: Any) -> Any:
    """`value` as its parameter's kind; ValueError or TypeError where it is none."""
    if kind == "list[str]":
        if isinstance(value, str):
            as_json = value.lstrip().startswith("[")
            value = json.loads(value) if as_json else filter(None, map(str.strip, value.split(",")))
        elif not isinstance(value, list | tuple):
            raise TypeError
        return [_converted("str", item) for item in value]
    if isinstance(value, str) and kind != "str":
        value = FROM_TEXT[kind](value.strip().casefold())
    types, _ = KINDS[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
        raise TypeError
    if kind == "float" and not math.isfinite(value):
        raise ValueError
    if kind == "str":
        value.encode()  # bytes that were no text come from a command line as lone surrogates
    return float(value) if kind == "float" else value


KINDS: dict[str, tuple[Any, str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": (int | float, "a number"),
    "bool": (bool, "true or false"),
    "list[str]": (list, "a list of texts, such as smoking,burglary"),
}


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
