"""Find areas by name or code as people write them, in one look however many there are."""

from __future__ import annotations

import difflib
from typing import Any

import pandas as pd

from lsp_analysis.errors import AreaError
from lsp_analysis.study.areas import fold_name
from lsp_analysis.study.schema import NAME_PRECEDENCE

_ORDER = {kind: place for place, kind in enumerate(NAME_PRECEDENCE)}
Row = dict[str, Any]


class Gazetteer:
    """The rows of a table of areas by code and by folded name."""

    def __init__(self, areas: pd.DataFrame, names: pd.Series | None = None) -> None:
        """`areas` has ``area_code``, ``area_name``, ``area_type``, ``code_vintage`` and more.

        `names` are what they are called, where several may be called the same.
        """
        written = areas["area_name"] if names is None else names
        self._by_code: dict[str, list[Row]] = {}
        self._by_name: dict[str, list[Row]] = {}
        for row, name in zip(areas.to_dict("records"), written, strict=True):
            self._by_code.setdefault(str(row["area_code"]).casefold(), []).append(row)
            for called in {fold_name(one) for one in (row["area_name"], name) if pd.notna(one)}:
                self._by_name.setdefault(called, []).append(row)

    def find(self, text: str, *, code_vintage: int | None = None) -> Row:
        """The row that `text` names, by code or by folded name.

        When areas of several types share the name, a neighbourhood comes before an MSOA, a ward
        and an LSOA. When the same area lives in several vintages, `code_vintage` comes first, then
        the latest.

        Raises
        ------
        AreaError
            Nothing or more than one area answers; the message has the nearest names, or the codes.
        """
        wanted = fold_name(text)
        named = self._by_code.get(wanted) or _first_type(self._by_name.get(wanted, []))
        if not named or not wanted:
            raise AreaError(
                f'No area of this study has the name or code "{_short(text)}".'
                f"{self._nearest(wanted)} Codes such as E01004802 are safest."
            )
        codes = sorted({row["area_code"] for row in named})
        if len(codes) > 1:
            raise AreaError(
                f'"{_short(text)}" names more than one area: {", ".join(codes[:5])}. '
                "Give the code instead."
            )
        vintages = [row["code_vintage"] for row in named]
        best = code_vintage if code_vintage in vintages else max(vintages)
        return named[vintages.index(best)]

    def _nearest(self, wanted: str) -> str:
        close = difflib.get_close_matches(wanted[:100], self._by_name, n=3, cutoff=0.6)
        if not close:
            return ""
        names = [f'"{self._by_name[folded][-1]["area_name"]}"' for folded in close]
        return f" Did you mean {' or '.join(names)}?"


def _first_type(named: list[Row]) -> list[Row]:
    places = [_ORDER.get(row["area_type"], len(_ORDER)) for row in named]
    return [row for row, place in zip(named, places, strict=True) if place == min(places)]


def _short(text: str) -> str:
    text = str(text)
    return text if len(text) <= 60 else text[:57] + "..."
