"""Pages of an experiment, from their templates: self-contained HTML, no script, ready to print."""

import base64
import html
from dataclasses import fields
from typing import Any

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.resources import resource
from lsp_analysis.showing import Axes

WORDS = ("capital", "counted", "inside", "number", "period", "times")  # that templates say


def page(template: str, note: str, **facts: Any) -> str:
    """A page that needs nothing but itself; `note` is said on each picture."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = resource("reports/template/experiment")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {name: getattr(wording, name) for name in WORDS}
    environment.globals |= {
        "answers": answers,
        "capitalize": str.capitalize,
        "style": Markup((folder / "page.css").read_text(encoding="utf-8")),
        "picture": lambda ax: Markup(_picture(ax, note)),
        "table": lambda *of: Markup(_table(*of)),
    }
    return environment.get_template(f"{template}.html.j2").render(facts, note=note)


def answers(part: object, method: str = "") -> list[tuple[str, str]]:
    """A section of the design: what was asked, what was answered.

    With `method`, fields that mean something to other methods only are left out.
    """
    rows = [
        (one.metadata["about"].capitalize(), _answer(getattr(part, one.name)))
        for one in fields(part)
        if method in ("", *one.metadata.get("methods", (method,)))
    ]
    return [(asked, answer) for asked, answer in rows if answer]


def _answer(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return wording.number(value) if isinstance(value, float) else str(value)


def _table(of: pd.DataFrame | Table, caption: str = "") -> str:
    return (of if isinstance(of, Table) else figures.table(of, caption))._repr_html_()


def _picture(ax: Axes, note: str) -> str:
    """A picture inside the page, with its words."""
    from lsp_analysis.figures.style import alt_of, render

    drawn = base64.b64encode(render(ax.figure, note=note)).decode()
    alt = html.escape(alt_of(ax), quote=True)
    return f'<figure><img src="data:image/png;base64,{drawn}" alt="{alt}"></figure>'
