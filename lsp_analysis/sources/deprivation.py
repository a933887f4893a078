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


MEASURE = re.compile(
    r"(?P<domain>[a-z][a-z ,&'-]*?)(?: sub domain| domain| sub-domain)?(?: \([a-z]+\))? "
    r"(?P<what>score|rank)\b.*"
)
OVERALL = re.compile(r"imd\b|index of multiple deprivation|rank of imd")
NO_MEASURES = (
    "ranks and deciles of domains are left out, because they are no measures that could be "
    "compared: add the file with the scores (of the Indices of 2019, File 5 or 7)"
)


def read_domains(found: Found, codes: Mapping[int, Sequence[str]]) -> OwnTable:
    """Scores of the domains and sub-domains in one table, one indicator for each and edition.

    Scores of two editions cannot be compared. Ranks are no measures, and only used to find damage.
    """
    edition, facts = found.year, EDITIONS[found.year]
    columns = {"area_code": found.columns["area_code"]}
    for at, heading in enumerate(found.headings):
        match = MEASURE.fullmatch(heading.replace("_", " "))
        if match and not OVERALL.match(match["domain"]):
            columns.setdefault(f"{match['domain']} {match['what']}", at)
    found = replace(found, columns=columns)
    rows = formats.read(found, codes.get(facts.vintage, ()))
    account = Account(found.path.name, found.grid.sheet, found.title)
    scores = [name.removesuffix(" score") for name in columns if name.endswith(" score")]
    if rows.empty:
        account.problem = "none of its areas is one of the study's"
    elif not scores:
        account.problem = NO_MEASURES if len(columns) > 1 else "it has no scores of domains"
    if account.problem:
        return OwnTable(pd.DataFrame(), account)
    choice.refuse_gaps(rows["area_code"], codes[facts.vintage], found.named)
    formats.refuse_repeats(rows, ["area_code"], found)
    parts = []
    for name in scores:
        score = formats.numbers(rows, f"{name} score", found)
        if f"{name} rank" in rows:
            rank = formats.numbers(rows, f"{name} rank", found)
            ranked = rows.assign(rank=rank)
            _refuse_impossible(rank, ranked, facts.areas, found, step=0.5)  # of a tie
            _refuse_disorder(rank, score, ranked, found)
        part = rows[["area_code"]].assign(value=rows[f"{name} score"])
        parts.append(
            part.assign(
                indicator_name=f"{name.capitalize()}: score in the Indices of {edition}",
                value=score.map("{:.10g}".format).mask(score.isna(), ""),
            )
        )
    year = {"period_start": f"{edition}-01-01", "period_end": f"{edition}-12-31"}
    cells = pd.concat(parts, ignore_index=True).assign(**year, unit="score", heading="score")
    account.columns = f"{len(scores)} columns of scores"
    source = found.layout.indicator["source"].format(year=edition)
    about = {**found.layout.indicator, "source": source}
    layout = replace(found.layout, title=found.title, indicator=about, complete=False)
    return OwnTable(cells.assign(indicator_id="", note=""), account, layout=layout)


def _lacks_score(found: Found) -> tuple[bool, bool]:
    return not found.layout.native, "score" not in found.columns


def _read_ranks(found: Found, edition: int, facts: Edition, codes: Sequence[str]) -> pd.DataFrame:
    rows = formats.read(found, codes)
    formats.refuse_repeats(rows, ["area_code"], found)
    rank = formats.numbers(rows, "rank", found)
    _refuse_impossible(rank, rows, facts.areas, found)
    score = formats.numbers(rows, "score", found) if "score" in rows else None
    if "decile" in rows and facts.areas == EDITIONS[edition].areas:
        _refuse_decile(rank, formats.numbers(rows, "decile", found), rows, facts.areas, found)
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


def _refuse_impossible(
    rank: pd.Series, rows: pd.DataFrame, last: int, found: Found, step: float = 1.0
) -> None:
    bad = rows[~rank.between(1, last) | (rank % step > 0)]
    if not bad.empty:
        raise SourceError(
            f'{found.place}, row {bad["row"].iloc[0]}: rank "{bad["rank"].iloc[0]}" is none of the '
            f"ranks 1 to {last} of this edition, so a cell is damaged. {AGAIN}"
        )


def _refuse_decile(
    rank: pd.Series, printed: pd.Series, rows: pd.DataFrame, areas: int, found: Found
) -> None:
    """Stop when a published decile is not that of the rank beside it: columns were mixed up."""
    off = rows[printed.notna() & (printed != decile(rank, areas))]
    if not off.empty:
        raise SourceError(
            f"{found.place}, row {off['row'].iloc[0]}: rank {off['rank'].iloc[0]} is not in decile "
            f"{off['decile'].iloc[0]} of {areas:,} areas, so a cell is damaged. {AGAIN}"
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
