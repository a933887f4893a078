"""Tables for people: real HTML tables that a screen reader can walk through."""

import html
import numbers
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lsp_analysis import wording

MISSING = '<abbr title="not available">–</abbr>'

VERDICTS = ("worse", "better", "higher", "lower", "close to it", "no clear difference")
VERDICTS += ("too few to say", "not comparable", "similar", "not compared")
SYMBOLS = {
    "better": "▲",
    "similar": "●",
    "worse": "▼",
    "higher": "◆",
    "lower": "■",
    "not compared": "◇",
    "close to it": "≈",
    "no clear difference": "○",
    "too few to say": "–",
    "not comparable": "✗",
    "steady": "●",
    "not known": "○",
    "in reach": "✓",
    "out of reach": "✗",
    "at times": "~",
    "met": "✓",
    "on track": "▲",
    "behind": "◆",
    "moving away": "▼",
    "missed": "✗",
    "no data": "○",
}
LIGHTS = {"met": "green", "on track": "green", "behind": "amber"}
LIGHTS |= {"moving away": "red", "missed": "red"}


@dataclass(frozen=True)
class Table:
    """A frame with a caption, shown as an accessible table.

    Attributes
    ----------
    frame : DataFrame
        The numbers as they are, for those who want to compute on.
    caption : str
        What the table shows, above it.
    note : str
        Source or caution, below it.
    digits : mapping of column to int
        Decimals of a column, where the usual rounding will not do.
    units : mapping of column to str
        Unit code of a column, printed with each number.
    """

    frame: pd.DataFrame
    caption: str
    note: str = ""
    digits: dict[str, int] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        columns = list(self.frame.columns)
        head = "".join(f'<th scope="col"{_aligned(self.frame[c])}>{_text(c)}</th>' for c in columns)
        body = "".join(self._row(row) for row in self.frame.itertuples(index=False, name=None))
        if not len(self.frame):
            body = f'<tr><td colspan="{max(1, len(columns))}">No rows</td></tr>'
        foot = f'<p class="table-note">{_text(self.note)}</p>' if self.note else ""
        return (
            f'<div class="lsp-table"><table><caption>{_text(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}</div>"
        )

    def _row(self, row: tuple[Any, ...]) -> str:
        """One row; its first cell names it."""
        cells = []
        for i, (column, value) in enumerate(zip(self.frame.columns, row, strict=True)):
            align = _aligned(self.frame[column])
            content = self._cell(column, value)
            tag, scope = ("th", ' scope="row"') if i == 0 else ("td", "")
            cells.append(f"<{tag}{scope}{align}>{content}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"

    def _cell(self, column: Any, value: Any) -> str:
        """One value as escaped HTML."""
        if not isinstance(value, list | tuple | dict | set) and wording.is_missing(value):
            return MISSING
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, numbers.Number) and not isinstance(value, complex):
            places = self._places(column)
            text = wording.quantity(value, self.units.get(column, ""), places)
            rounded_away = places and 0 < abs(value) < 0.5 * 10.0**-places
            less = "> −" if value < 0 else "< "
            return _text(f"{less}{10.0**-places:.{places}f}" if rounded_away else text)
        if isinstance(value, str) and value in SYMBOLS:
            named = value.replace(" ", "-") if value in VERDICTS else LIGHTS.get(value, "")
            kind = f" {named}" if named else ""
            return f'<span class="verdict{kind}">{SYMBOLS[value]} {value}</span>'
        is_time = isinstance(value, pd.Period | pd.Timestamp)
        return _text(wording.period(value) if is_time else value)

    def _places(self, column: Any) -> int | None:
        """Decimals of a column: as asked, else as its unit has them, else enough for its spread."""
        if column in self.digits or column in self.units:
            return self.digits.get(column)
        known = self.frame[column]
        if not pd.api.types.is_float_dtype(known) or not known.notna().any():
            return None
        largest = float(known.abs().replace(float("inf"), float("nan")).max())
        whole = bool((known.dropna() % 1 == 0).all())
        return 0 if whole or largest >= 1000 else 1 if largest >= 10 else 2 if largest >= 1 else 3


def table(
    frame: pd.DataFrame,
    caption: str,
    note: str = "",
    *,
    digits: dict[str, int] | None = None,
    units: dict[str, str] | None = None,
) -> Table:
    """A frame as an accessible table: caption, headed columns and rows, missing values explained.

    The first column, or a named index, heads the rows. Numbers are aligned right and rounded for
    reading; `Table.frame` keeps them whole.
    """
    named = frame.index.nlevels > 1 or frame.index.name is not None
    plain = frame.reset_index() if named else frame
    return Table(plain, caption, note, dict(digits or {}), dict(units or {}))


def _text(value: Any) -> str:
    """Escaped text."""
    return html.escape(str(value))


def _aligned(column: pd.Series) -> str:
    """Attribute of a cell: numbers stand right, and text left, where Jupyter would put it right."""
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return ' class="number"' if is_number else ' style="text-align: left"'
