"""House style of a report template: a small file beside the notebook with logo and colours."""

from __future__ import annotations

import base64
import tomllib
from pathlib import Path
from typing import Any

from lsp_analysis import untrusted
from lsp_analysis.errors import LspError, ReportError

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
