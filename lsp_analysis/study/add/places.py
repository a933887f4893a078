"""The areas a study knows, by code of any vintage and by name, for tables that name them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study.areas import fold_name

_CODE = re.compile(r"([A-Z]\d{8}|\d\d[A-Z]{2}(?:[A-Z]{2}(?:\d{4})?)?)(?:$| ?: )")
_LEVELS = {"00": "oa", "01": "lsoa", "02": "msoa", "05": "ward", "47": "combined authority"}
_LEVELS |= dict.fromkeys(("06", "07", "08", "09"), "borough")
_LEVELS |= {"10": "county", "11": "county", "12": "region", "92": "england"}
SIZES = ("oa", "lsoa", "msoa", "ward", "neighbourhood", "", "borough", "county")
SIZES += ("combined authority", "region", "england")
SELDOM = 5  # times fewer names than a table has, or the study has of a level: chance
TOTALS = re.compile(r"(?:grand )?total|all areas|borough|england|great britain|united kingdom|uk")


def code_in(cell: str) -> str:
    """The official code of an area that a cell holds, alone or before its name, or "".

    >>> code_in("E01004766 : Bolton 005A")
    'E01004766'
    """
    match = _CODE.match(cell.upper()) if 4 <= len(cell) < 200 else None
    return match[1] if match else ""


def level_of(code: str) -> str:
    """What an official code is of: oa, lsoa, msoa, ward, borough ..., or an empty string.

    >>> level_of("E02000993"), level_of("00BLFA")
    ('msoa', 'ward')
    """
    if code[:1].isdigit():
        return {4: "borough", 6: "ward", 10: "oa"}.get(len(code), "")
    if not code_in(code) or code[0] in "SNK" or (code[1:3] == "92" and code[0] != "E"):
        return ""
    return _LEVELS.get(code[1:3], "")


def size_of(level: str) -> int:
    """Place of a level among all, smallest first."""
    return SIZES.index(level) if level in SIZES else SIZES.index("")


def plain_name(cell: str) -> str:
    """An area's name as it is compared, without what Nomis puts before it (``lsoa2011:``)."""
    return fold_name(re.sub(r"^[a-z]+ ?\d{4}:", "", cell, flags=re.IGNORECASE))


@dataclass(frozen=True)
class Places:
    """Areas of one study.

    Attributes
    ----------
    areas : DataFrame, the table `areas`; a column ``other_name`` may hold a second name.
    lookup : DataFrame, the table `code_lookup`; may be empty.
    vintage : year of the small areas the study works with.
    borough : code of the borough; areas of others are left out of tables.
    residents : residents by code, to share out areas that merged; None shares alike.
    """

    areas: pd.DataFrame
    lookup: pd.DataFrame
    vintage: int
    borough: str = ""
    residents: pd.Series | None = field(default=None, compare=False)

    @cached_property
    def own(self) -> frozenset[str]:
        """Codes the study has under its own vintage: small areas of it, and all larger ones."""
        older = self.areas["area_type"].isin(["lsoa", "oa"])
        older &= self.areas["code_vintage"] != self.vintage
        return frozenset(self.areas.loc[~older, "area_code"])

    @cached_property
    def by_vintage(self) -> dict[int, frozenset[str]]:
        """Codes of every other vintage from which the lookup leads to the study's own."""
        rows = self.lookup
        sides: dict[int, set[str]] = {}
        for side in ("from", "to"):
            for year, part in rows.groupby(f"{side}_vintage"):
                sides.setdefault(int(year), set()).update(part[f"{side}_code"])
        return {year: frozenset(codes) for year, codes in sides.items() if year != self.vintage}

    @cached_property
    def known(self) -> frozenset[str]:
        """Codes of any vintage."""
        return self.own.union(*self.by_vintage.values())

    @cached_property
    def names(self) -> dict[str, list[tuple[str, str]]]:
        """Level and code of the areas with each folded name."""
        rows = self.areas[self.areas["area_code"].isin(self.own)].drop_duplicates("area_code")
        found: dict[str, list[tuple[str, str]]] = {}
        for column in ("area_name", "other_name"):
            if column in rows:
                named = rows[rows[column].notna() & (rows[column] != "")]
                for name, level, code in zip(
                    named[column], named["area_type"], named["area_code"], strict=True
                ):
                    pairs = found.setdefault(plain_name(str(name)), [])
                    if (level, code) not in pairs:
                        pairs.append((level, code))
        return found

    def level(self, code: str) -> str:
        """The study's type of an area, or what its code says."""
        return self._types.get(code) or level_of(code)

    @cached_property
    def _types(self) -> dict[str, str]:
        return dict(zip(self.areas["area_code"], self.areas["area_type"], strict=True))

    def codes_of(self, names: Collection[str], place: str) -> dict[str, str]:
        """The code of each text that names an area of the study, all of one level.

        Raises
        ------
        SourceError
            Two areas of the level share a name, or the names fit two levels alike.
        """
        found = {text: self.names[key] for text in names if (key := plain_name(text)) in self.names}
        counts = Counter(level for pairs in found.values() for level in {one for one, _ in pairs})
        ranked = counts.most_common(2)
        if "borough" in counts:  # in a list of boroughs, of which some are called like a ward
            level, alike = ranked[0]
            if SELDOM * alike < min(len(names), (self.areas["area_type"] == level).sum()):
                ranked = [("borough", counts["borough"])]
        if len(ranked) == 2 and ranked[0][1] == ranked[1][1] and ranked[0][0] != ranked[1][0]:
            raise SourceError(
                f"{place} names areas by names that fit {ranked[0][0]}s and {ranked[1][0]}s alike. "
                "Add a column with the areas' codes."
            )
        level = ranked[0][0] if ranked else ""
        codes = {}
        for text, pairs in found.items():
            mine = [code for one, code in pairs if one == level]
            if len(mine) > 1:
                raise SourceError(
                    f'{place}: "{text}" is the name of {" and of ".join(mine)}. '
                    "Add a column with the areas' codes."
                )
            codes |= {text: mine[0]} if mine else {}
        return codes

    def vintage_of(self, codes: Sequence[str], place: str) -> int:
        """The vintage that all of these codes of small areas are of, the study's own first.

        Raises
        ------
        SourceError
            They are of several, and of no one.
        """
        mine = {code for code in codes if code in self.known}
        if mine <= self.own:
            return self.vintage
        for year, listed in sorted(self.by_vintage.items(), reverse=True):
            if mine <= listed | (self.own - self.small):
                return year
        odd = {
            year: sorted(mine & listed - self.own)[:1]
            for year, listed in self.by_vintage.items()
            if mine & listed - self.own
        }
        only = sorted(mine & self.own - frozenset().union(*self.by_vintage.values()))[:1]
        said = [f"{codes[0]} ({year})" for year, codes in odd.items()]
        said += [f"{code} ({self.vintage})" for code in only]
        raise SourceError(
            f"{place} mixes small-area codes of several years: {', '.join(said)}. "
            "Take the rows of one year of codes, each in a file of its own."
        )

    @cached_property
    def small(self) -> frozenset[str]:
        """Codes of the study's small areas."""
        rows = self.areas[self.areas["code_vintage"] == self.vintage]
        return frozenset(rows.loc[rows["area_type"].isin(["lsoa", "oa"]), "area_code"])
