"""The English Indices of Deprivation 2004 to 2025: ranks and scores of LSOAs, also by domain.

Editions to 2010 are on LSOAs of 2001, those of 2015 and 2019 on those of 2011,
that of 2025 on those of 2021.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.formats import Found, refuse_gaps
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
        mine = [found for found in founds if found.year == edition]
        if facts.vintage not in codes and not mine:
            continue
        adjusted = [found for found in mine if found.kind == KIND_ADJUSTED]
        part = _one_edition([one for one in mine if one.kind == KIND], facts, codes, register)
        if part is not None:
            for found in adjusted:
                register.note(f"{found.place} was not used: the published edition was.")
        elif (part := _one_edition(adjusted, ADJUSTED, codes, register)) is not None:
            register.note(
                f"The {edition} Index is a version adjusted to LSOAs of 2011, for the published "
                "one was not found in the folder: its ranks differ from those published."
            )
        else:
            register.note(
                f"No Index of Deprivation {edition} of this borough was found in the folder."
            )
        parts += [] if part is None else [part]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _one_edition(
    founds: Sequence[Found], facts: Edition, codes: Mapping[int, Sequence[str]], register: Register
) -> pd.DataFrame | None:
    """One edition from its preferred copy; None when no file has any of the borough's areas."""

    def overall(found: Found) -> pd.DataFrame:
        rows = _read(found, facts, codes.get(facts.vintage, ()))
        made = rows[rows["domain"] == OVERALL].assign(
            edition=found.year, data_year=facts.data_year, code_vintage=facts.vintage
        )
        return made.assign(decile=decile(made["rank"], facts.areas))[COLUMNS]

    return register.first_copy(founds, overall, ["area_code"], "rank")


OVERALL = "overall"
MEASURE = re.compile(
    r"(?P<domain>(?!imd\b|index of multiple deprivation|rank of imd)[a-z][a-z ,&'-]*?)"
    r"(?: sub domain| domain| sub-domain)?(?: \([a-z]+\))? (?P<what>score|rank|decile)\b.*"
)
# Domains that the publisher's headings shorten.
IN_FULL = {"employ": "Employment", "healthdd": "Health deprivation and disability"}
IN_FULL |= {"edust": "Education, skills and training", "crimed": "Crime"}
IN_FULL |= {"housesb": "Barriers to housing and services", "environl": "Living environment"}
NO_MEASURES = (
    "ranks and deciles of domains are left out, because they are no measures that could be "
    "compared: add the file with the scores (of the Indices of 2019, File 5 or 7)"
)


def read_domains(found: Found, codes: Mapping[int, Sequence[str]]) -> OwnTable:
    """Scores of the domains and sub-domains in one table, one indicator for each and edition.

    Scores of two editions cannot be compared. Ranks are no measures, and only used to find damage.
    """
    edition, facts = found.year, EDITIONS[found.year]
    rows = _read(found, facts, codes.get(facts.vintage, ()))
    of_domains = rows[rows["domain"] != OVERALL]
    scored = of_domains.groupby("domain", sort=False).filter(lambda one: one["score"].notna().any())
    account = Account(found.path.name, found.grid.sheet, found.title)
    if rows.empty:
        account.problem = "none of its areas is one of the study's"
    elif scored.empty:
        account.problem = "it has no scores of domains" if of_domains.empty else NO_MEASURES
    if account.problem:
        return OwnTable(pd.DataFrame(), account)
    account.columns = f"{scored['domain'].nunique()} columns of scores"
    names = {one: IN_FULL.get(one, one.capitalize()) for one in scored["domain"].unique()}
    cells = pd.DataFrame(
        {
            "area_code": scored["area_code"],
            "value": scored["score"].map("{:.10g}".format).mask(scored["score"].isna(), ""),
            "indicator_name": scored["domain"].map(names) + f": score in the Indices of {edition}",
        }
    )
    year = {"period_start": f"{edition}-01-01", "period_end": f"{edition}-12-31"}
    cells = cells.assign(**year, unit="score", heading="score", indicator_id="", note="")
    source = found.layout.indicator["source"].format(year=edition)
    about = {**found.layout.indicator, "source": source}
    layout = replace(found.layout, title=found.title, indicator=about, complete=False)
    return OwnTable(cells.reset_index(drop=True), account, layout=layout)


def _read(found: Found, facts: Edition, codes: Sequence[str]) -> pd.DataFrame:
    """Score, rank and printed decile of every domain, one row for each area and domain.

    Raises
    ------
    SourceError
        Areas are lacking or repeated, or a cell is none of an edition's: no number, no rank that an
        area can have, a rank that does not follow the score or is not in the decile beside it.
    """
    columns = {(OVERALL, what): found.columns.get(what) for what in ("score", "rank", "decile")}
    for at, heading in enumerate(found.headings):
        match = MEASURE.fullmatch(heading.replace("_", " "))
        if match:
            columns.setdefault((match["domain"], match["what"]), at)
    places = {f"{domain} {what}": at for (domain, what), at in columns.items() if at is not None}
    found = replace(found, columns={"area_code": found.columns["area_code"], **places})
    text = found.rows(codes)
    if not text.empty:
        refuse_gaps(text["area_code"], codes, found.named)
        found.refuse_repeats(text)
    parts = []
    for domain in dict.fromkeys(domain for domain, _ in columns):
        part = text[["area_code", "row"]].assign(domain=domain)
        for what in ("score", "rank", "decile"):
            name = f"{domain} {what}"
            part[what] = found.numbers(text, name) if name in places else float("nan")
        if f"{domain} rank" in places:
            _refuse_damage(part, facts, found)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def decile(rank: pd.Series, areas: int) -> pd.Series:
    """National tenth of each of `areas` ranks, 1 the most deprived.

    The rule of the published deciles of 2015 and 2019; the earlier editions were published without.
    """
    return np.ceil(rank * 10 / areas)


def _refuse_damage(rows: pd.DataFrame, facts: Edition, found: Found) -> None:
    """Stop at a rank that no area has, and at one that the score or decile beside it contradicts.

    Areas with the same score share a rank in a domain, which may then end in a half.
    """
    rank, last = rows["rank"], facts.areas
    step = 1.0 if (rows["domain"] == OVERALL).all() else 0.5
    order = rows.sort_values(["score", "rank"], ascending=[False, True])
    falls = order.index[(order["rank"].diff() < 0) & order["score"].notna()]
    # Deciles of domains in copies are worked out by others, in ways of their own.
    published = facts != ADJUSTED and step == 1
    off = (rows["decile"].notna() & (rows["decile"] != decile(rank, last))) & published
    for wrong, why in (
        (~rank.between(1, last) | (rank % step > 0), f"is none of the ranks 1 to {last}"),
        (off, f"is not in the decile beside it, of {last:,} areas"),
        (rows.index.isin(falls), "does not follow the scores, as the ranks around it do"),
    ):
        if wrong.any():
            row = rows[wrong].iloc[0]
            domain = "" if row["domain"] == OVERALL else f" ({row['domain']})"
            shown = f"{row['rank']:g}" if pd.notna(row["rank"]) else '""'
            raise SourceError(
                f"{found.place}, row {row['row']}: rank {shown} of {row['area_code']}{domain} "
                f"{why}, so a cell is damaged. {AGAIN}"
            )
