"""The English Indices of Deprivation 2004 to 2025: ranks and scores of LSOAs, also by domain.

Editions to 2010 are on LSOAs of 2001, those of 2015 and 2019 on those of 2011,
that of 2025 on those of 2021.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import choice, formats
from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import AGAIN
from lsp_analysis.study.add.layouts import Account, OwnTable

KIND, KIND_ADJUSTED = "deprivation", "deprivation_adjusted"
KIND_DOMAINS = "deprivation_domains"
COLUMNS = ["area_code", "code_vintage", "edition", "rank", "score", "decile", "data_year"]


@dataclass(frozen=True)
class Edition:
    """One edition: vintage and number of the LSOAs it ranks, and the year of most of its data."""

    vintage: int
    areas: int
    data_year: int


EDITIONS = {
    2004: Edition(2001, 32_482, 2001),
    2007: Edition(2001, 32_482, 2005),
    2010: Edition(2001, 32_482, 2008),
    2015: Edition(2011, 32_844, 2012),
    2019: Edition(2011, 32_844, 2015),
    2025: Edition(2021, 33_755, 2022),
}
ADJUSTED = Edition(2011, 32_844, 2008)  # the 2010 edition, put on LSOAs of 2011 by others


def import_deprivation(
    founds: Sequence[Found], codes: Mapping[int, Sequence[str]], register: Register
) -> pd.DataFrame:
    """Every edition in the folder, one row per small area and edition.

    Parameters
    ----------
    founds : tables of the Indices that were found.
    codes : the borough's small areas by code vintage.
    register : gets the files used, and a note on each edition left out.

    Raises
    ------
    SourceError
        An edition lacks some of the areas, or files of equal standing disagree.
    """
    parts = []
    for edition, facts in EDITIONS.items():
        if facts.vintage not in codes and not any(f.year == edition for f in founds):
            continue
        mine = [found for found in founds if found.year == edition]
        published = [found for found in mine if found.kind == KIND]
        adjusted = [found for found in mine if found.kind == KIND_ADJUSTED]
        part = _one_edition(published, edition, facts, codes, register)
        if part is not None:
            for found in adjusted:
                register.note(f"{found.place} was not used: the published edition was.")
        else:
            part = _one_edition(adjusted, edition, ADJUSTED, codes, register)
            register.note(_what_is_missing(edition, part))
        parts.append(part)
    found = [part for part in parts if part is not None]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)


def _what_is_missing(edition: int, part: pd.DataFrame | None) -> str:
    if part is None:
        return f"No Index of Deprivation {edition} of this borough was found in the folder."
    return (
        f"The {edition} Index is a version adjusted to LSOAs of 2011, for the published one was "
        "not found in the folder: its ranks differ from those published."
    )


def _one_edition(
    founds: Sequence[Found],
    edition: int,
    facts: Edition,
    codes: Mapping[int, Sequence[str]],
    register: Register,
) -> pd.DataFrame | None:
    """One edition from its preferred copy; None when no file has any of the borough's areas."""
    wanted = codes.get(facts.vintage, ())
    ranked = sorted(choice.preferred(founds), key=_lacks_score)

    def ranks(found: Found) -> pd.DataFrame:
        rows = _read_ranks(found, edition, facts, wanted)
        if not rows.empty:
            choice.refuse_gaps(rows["area_code"], wanted, found.named)
        return rows

    return choice.best_copy(ranked, ranks, ["area_code"], "rank", register)


DOMAIN = re.compile(
    r"(?P<domain>[a-z][a-z ,&'-]*?)(?: sub domain| domain| sub-domain)?(?: \([a-z]+\))? "
    r"(?P<what>score|rank)\b.*"
)
NOT_A_DOMAIN = re.compile(r"imd\b|index of multiple deprivation|rank of imd")


def read_domains(found: Found, codes: Mapping[int, Sequence[str]]) -> OwnTable:
    """Scores of the domains and sub-domains in one table, ranks where it has no scores.

    Returns
    -------
    OwnTable with one indicator for each domain and edition, because scores of two editions cannot
    be compared.
    """
    edition = found.year
    wanted = codes.get(EDITIONS[edition].vintage, ())
    measures: dict[str, tuple[int, str]] = {}
    for at, heading in enumerate(found.headings):
        match = DOMAIN.fullmatch(heading.replace("_", " "))
        if match and not NOT_A_DOMAIN.match(match["domain"]):
            known = measures.get(match["domain"])
            if known is None or known[1] == "rank":
                measures[match["domain"]] = (at, match["what"])
    columns = {"area_code": found.columns["area_code"]}
    columns |= {name: at for name, (at, _) in measures.items()}
    rows = formats.read(replace(found, columns=columns), wanted)
    account = Account(found.path.name, found.grid.sheet, found.title)
    if rows.empty or not measures:
        account.problem = "none of its areas is one of the study's"
        return OwnTable(pd.DataFrame(), account)
    choice.refuse_gaps(rows["area_code"], wanted, found.named)
    formats.refuse_repeats(rows, ["area_code"], found)
    parts = [
        pd.DataFrame(
            {
                "area_code": rows["area_code"],
                "period_start": f"{edition}-01-01",
                "period_end": f"{edition}-12-31",
                "value": rows[name].str.replace(",", ""),
                "indicator_name": f"{name.capitalize()}: {what} in the Indices of {edition}",
                "unit": "score",
            }
        )
        for name, (_, what) in measures.items()
    ]
    cells = pd.concat(parts, ignore_index=True).assign(indicator_id="", heading="score", note="")
    account.columns = f"{len(measures)} columns of scores or ranks"
    source = found.layout.indicator["source"].format(year=edition)
    about = {**found.layout.indicator, "source": source}
    layout = replace(found.layout, title=found.title, indicator=about, complete=False)
    return OwnTable(cells, account, layout=layout)


def _lacks_score(found: Found) -> tuple[bool, bool]:
    return not found.layout.native, "score" not in found.columns


def _read_ranks(found: Found, edition: int, facts: Edition, codes: Sequence[str]) -> pd.DataFrame:
    rows = formats.read(found, codes)
    formats.refuse_repeats(rows, ["area_code"], found)
    rank = formats.numbers(rows, "rank", found)
    _refuse_impossible(rank, rows, facts.areas, found)
    score = formats.numbers(rows, "score", found) if "score" in rows else None
    if score is not None:
        _refuse_disorder(rank, score, rows, found)
    return pd.DataFrame(
        {
            "area_code": rows["area_code"],
            "code_vintage": facts.vintage,
            "edition": edition,
            "rank": rank,
            "score": np.nan if score is None else score,
            "decile": decile(rank, facts.areas),
            "data_year": facts.data_year,
        },
        columns=COLUMNS,
    )


def decile(rank: pd.Series, areas: int) -> pd.Series:
    """National tenth of each of `areas` ranks, 1 the most deprived.

    The rule of the published deciles of 2015 and 2019; the earlier editions were published without.
    """
    return np.ceil(rank * 10 / areas)


def _refuse_impossible(rank: pd.Series, rows: pd.DataFrame, last: int, found: Found) -> None:
    bad = rows[~rank.between(1, last)]
    if not bad.empty:
        raise SourceError(
            f'{found.place}, row {bad["row"].iloc[0]}: rank "{bad["rank"].iloc[0]}" is not '
            f"between 1 and {last}, the areas this edition ranks. Download the file again."
        )


def _refuse_disorder(rank: pd.Series, score: pd.Series, rows: pd.DataFrame, found: Found) -> None:
    """Stop when an area ranks as more deprived than one with a higher score: a cell is damaged."""
    order = pd.DataFrame({"score": score, "rank": rank}).sort_values(
        ["score", "rank"], ascending=[False, True]
    )
    falls = order.index[order["rank"].diff() < 0]
    if len(falls):
        row = rows.loc[falls[0]]
        raise SourceError(
            f"{found.place}: the ranks do not follow the scores near row {row['row']} "
            f"({row['area_code']}, rank {row['rank']}), so a cell is damaged. {AGAIN}"
        )
