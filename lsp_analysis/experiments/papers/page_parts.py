"""Parts that pages of an experiment are made of: self-contained HTML, no script, ready to print."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.experiments.protocol.design import METHODS
from lsp_analysis.experiments.protocol.reading import METHODS_OF, field_help
from lsp_analysis.figures import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# field -> methods that it means something to, the others having no use for it
FIELDS_OF = {f"randomisation.{name}": methods for name, methods in METHODS_OF.items()} | {
    "randomisation.pair": ("pairs",),
    "randomisation.acceptable": ("constrained",),
    "randomisation.candidates": ("constrained",),
    "analysis.covariates": METHODS,
    "analysis.between": ("wedge",),
}
STYLE = """
:root { color-scheme: light }
body { font: 11pt/1.45 system-ui, sans-serif; color: #222; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.7rem; line-height: 1.2 } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: .95em }
caption { text-align: left; font-weight: 600; padding: .4rem 0 }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid #bfbfbf } .number { text-align: right }
.fields th { width: 36% } .number + td, .number ~ td:nth-child(2) { white-space: nowrap }
code, p, .fields td { overflow-wrap: anywhere } figure { margin: 1rem 0 } img { max-width: 100% }
.amended { border-left: 4px solid #801650; padding-left: .8rem }
@media (max-width: 44rem) { table { display: block; overflow-x: auto } }
@media print { @page { size: A4; margin: 14mm } body { margin: 0; max-width: none; font-size: 10pt }
  h1 { font-size: 1.5rem; margin: 0 } p { margin: .4rem 0 }
  h2 { break-after: avoid; margin: 1rem 0 .3rem }
  table, figure { break-inside: avoid } }
"""


def whole_page(title: str, parts: Iterable[str]) -> str:
    """A page that needs nothing but itself, to read and to print."""
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body><main>"
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


def fields_table(part: object, where: str, method: str = "") -> str:
    """A section of the design as a table: what was asked, what was answered.

    With `method`, fields that mean something to other methods only are left out.
    """
    about = field_help().set_index("field")["about"]
    names = [
        name
        for name in about.index
        if name.startswith(f"{where}.")
        and name.count(".") == where.count(".") + 1
        and method in ("", *FIELDS_OF.get(name, (method,)))
    ]
    rows = [(about[name], _answer(getattr(part, name.split(".")[-1]))) for name in names]
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
