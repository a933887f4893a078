"""Report templates of one's own: a commented notebook to start from, a house style, and a check."""

from __future__ import annotations

import base64
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from lsp_analysis.errors import ReportError
from lsp_analysis.resources import resource

LARGEST_LOGO = 60_000  # bytes: every page carries it
LOGOS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
LONGEST = 300  # characters of contact and footer
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
STYLE = """\
# House style of the template beside this file, which has the same name. Every line may go.
# logo = "logo.png"        # PNG, JPEG or SVG of at most 60 kB, in this folder
colour = "#12436d"         # this place, links and rules; dark enough for text on white
second = "#801650"         # worse
# contact = "Partnership team, partnership@council.example"
# footer = "Prepared for the Lead Agencies Group."
"""


def new_template(path: str | Path) -> Path:
    """Write a commented report notebook and its house style file to start from.

    Parameters
    ----------
    path : str or Path
        Where the notebook goes; its name ends in ``.ipynb``. Its style file lies beside it.

    Raises
    ------
    ReportError
        The name ends otherwise, or one of the two files is there already: nothing is written.
    """
    target = Path(path)
    if target.suffix != ".ipynb":
        raise ReportError(f'A template is a notebook: write "{target.stem or "ours"}.ipynb".')
    style = target.with_suffix(".toml")
    for file in (target, style):
        if file.exists():
            raise ReportError(f"{file} is there already. Choose another name, or move it away.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(resource("notebooks/reports/own_template.ipynb").read_bytes())
        style.write_text(STYLE, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{error.filename} cannot be written: {error.strerror}.") from error
    return target


def house_style(template: Path) -> dict[str, str]:
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
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReportError(f"{path.name} cannot be read: {error}.") from error
    known = ("logo", "colour", "second", "contact", "footer")
    for key, value in told.items():
        if key not in known or not isinstance(value, str):
            raise ReportError(
                f"{path.name} says {key} = {value!r}. It may say, each as text: {', '.join(known)}."
            )
    for key in ("colour", "second"):
        if key in told and not _COLOUR.fullmatch(told[key]):
            raise ReportError(f'{path.name}: {key} is "{told[key]}". Write it like "#12436d".')
    for key in ("contact", "footer"):
        if len(told.get(key, "")) > LONGEST:
            raise ReportError(
                f"{path.name}: {key} is longer than {LONGEST} characters. Shorten it."
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


def check_template(path: str | Path, study: str = "bolton_demo") -> str:
    """Make a page from a template and say what it shows, or why it is none.

    Parameters
    ----------
    path : str or Path
        The notebook.
    study : str
        Study to try it on, with the template's own default area.

    Returns
    -------
    str
        What the page has: title, figures, tables and sentences.

    Raises
    ------
    ReportError
        The template breaks the contract of ``docs/templates.md``; the message says where.
    """
    from lsp_analysis.reports.job.template import load_template
    from lsp_analysis.reports.run.runner import run_report
    from lsp_analysis.wording import counted

    template = load_template(str(path))
    area = str(template.parameters["area"].default)
    with tempfile.TemporaryDirectory(prefix="lsp-template-") as folder:
        record = run_report(study, area, template=str(path), out=folder)
        if record.failed:
            raise ReportError(record.reason)
        size = record.page.stat().st_size
    shows = [
        counted(n, kind)
        for n, kind in (
            (record.figures, "figure"), (record.tables, "table"), (record.sentences, "sentence"),
        )
    ]  # fmt: skip
    headline = f'Its headline: "{record.headline}"' if record.headline else "It has no headline."
    style = " with its house style" if house_style(Path(path)) else ""
    return (
        f"{Path(path).name} makes a page{style} on {record.label}: {', '.join(shows)}, "
        f"{size / 1000:,.0f} kB. {headline}"
    )


def style_rules(house: dict[str, Any]) -> str:
    """Rules that give a page the two colours of a house style, on light grounds only."""
    named = {"colour": "--here", "second": "--worse"}
    rules = [f"{named[key]}: {house[key]};" for key in named if house.get(key)]
    if not rules:
        return ""
    light = "screen and (prefers-color-scheme: light), print"
    return f"@media {light} {{ :root {{ {' '.join(rules)} }} }}\n"
