"""Parts that pages of an experiment are made of: self-contained HTML, no script, ready to print."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from dataclasses import fields

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.figures import table
from lsp_analysis.resources import resource
from lsp_analysis.showing import Axes


def whole_page(title: str, parts: Iterable[str]) -> str:
    """A page that needs nothing but itself, to read and to print."""
    style = resource("reports/template/experiment.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>\n{style}</style></head><body><main>"
        f"{''.join(parts)}</main></body></html>\n"
    )


def departures(amendments: pd.DataFrame, deviations: pd.DataFrame) -> str:
    """What was changed, and what departed from the protocol, as tables that stand out."""
    shown = []
    for frame, caption in ((amendments, "Amendments"), (deviations, "Deviations")):
        if len(frame):
            body = table(frame.rename(columns=str.capitalize), caption)._repr_html_()
            shown.append(f'<div class="amended">{body}</div>')
    return "".join(shown)


def fields_table(part: object, method: str = "") -> str:
    """A section of the design as a table: what was asked, what was answered.

    With `method`, fields that mean something to other methods only are left out.
    """
    rows = [
        (one.metadata["about"], _answer(getattr(part, one.name)))
        for one in fields(part)
        if method in ("", *one.metadata.get("methods", (method,)))
    ]
    body = "".join(
        f'<tr><th scope="row">{text(asked.capitalize())}</th><td>{text(answer)}</td></tr>'
        for asked, answer in rows
        if answer
    )
    return f'<table class="fields"><tbody>{body}</tbody></table>'


def _answer(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return wording.number(value) if isinstance(value, float) else str(value)


def picture(ax: Axes, note: str) -> str:
    """A picture inside the page, with its words."""
    from lsp_analysis.figures.style import alt_of, render

    drawn = base64.b64encode(render(ax.figure, note=note)).decode()
    alt = html.escape(alt_of(ax), quote=True)
    return f'<figure><img src="data:image/png;base64,{drawn}" alt="{alt}"></figure>'


def section(title: str, *bodies: str) -> str:
    """A part of a page under a heading."""
    return f"<section><h2>{text(title)}</h2>{''.join(bodies)}</section>"


def paragraphs(texts: Iterable[object]) -> str:
    """Texts as paragraphs, empty ones left out."""
    return "".join(f"<p>{text(one)}</p>" for one in texts if one)


def text(value: object) -> str:
    """Escaped text."""
    return html.escape(str(value))
