"""The English Indices of Deprivation 2004 to 2025: ranks and scores of LSOAs, also by domain.

Editions to 2010 are on LSOAs of 2001, those of 2015 and 2019 on those of 2011,
that of 2025 on those of 2021.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsp_analysis.sources.formats import Found, refuse_rows
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import AGAIN
from lsp_analysis.study.add.layouts import Account, OwnTable

KIND, KIND_DOMAINS = "deprivation", "deprivation_domains"
COLUMNS = ["area_code", "code_vintage", "edition", "rank", "score", "decile", "data_year"]
WHATS = ("score", "rank", "decile")
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


class Edition(NamedTuple):
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


def import_deprivation(
    founds: Sequence[Found], codes: Mapping[int, Sequence[str]], register: Register
) -> pd.DataFrame:
    """Every edition in the folder, one row per small area and edition.

    Parameters
    ----------
    founds : tables of the Indices that were found.
    codes : the borough's small areas by code vintage.
    register : gets the files used, those that lack areas or disagree as problems, and a note on
        each edition left out.
    """

    def overall(found: Found) -> pd.DataFrame:
        vintage, areas, data_year = EDITIONS[found.year]
        rows = _read(found, codes)
        made = rows[rows["domain"] == OVERALL].assign(decile=decile(rows["rank"], areas))
        years = {"edition": found.year, "data_year": data_year, "code_vintage": vintage}
        return made.assign(**years)[COLUMNS]

    parts = []
    for edition, facts in EDITIONS.items():
        mine = [found for found in founds if found.year == edition]
        part = register.first_copy(mine, overall, ["area_code"], "rank")
        if part is not None:
            parts.append(part)
        elif mine or facts.vintage in codes:
            register.note(
                f"No Index of Deprivation {edition} of this borough was found in the folder."
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def read_domains(found: Found, codes: Mapping[int, Sequence[str]]) -> OwnTable:
    """Scores of the domains and sub-domains in one table, one indicator for each and edition.

    Scores of two editions cannot be compared. Ranks are no measures, and only used to find damage.
    """
    edition = found.year
    rows = _read(found, codes)
    of_domains = rows[rows["domain"] != OVERALL]
    scored = of_domains.groupby("domain", sort=False).filter(lambda one: one["score"].notna().any())
    account = Account(found.grid.path.name, found.grid.sheet, found.title)
    if scored.empty:
        account.problem = "it has no scores of domains" if of_domains.empty else NO_MEASURES
        if rows.empty:
            account.problem = "none of its areas is one of the study's"
        return OwnTable(pd.DataFrame(), account)
    account.columns = f"{scored['domain'].nunique()} columns of scores"
    names = {one: IN_FULL.get(one, one.capitalize()) for one in scored["domain"].unique()}
    cells = scored[["area_code"]].assign(
        value=scored["score"].map("{:.10g}".format).mask(scored["score"].isna(), ""),
        indicator_name=scored["domain"].map(names) + f": score in the Indices of {edition}",
        period_start=f"{edition}-01-01",
        period_end=f"{edition}-12-31",
        **{"unit": "score", "heading": "score", "indicator_id": "", "note": ""},
    )
    about = {**found.layout.indicator, "source": f"{found.title} ({found.layout.publisher})"}
    layout = replace(found.layout, title=found.title, indicator=about, complete=False)
    return OwnTable(cells.reset_index(drop=True), account, layout=layout)


def _read(found: Found, codes: Mapping[int, Sequence[str]]) -> pd.DataFrame:
    """Score, rank and printed decile of every domain, one row for each area and domain.

    Raises
    ------
    SourceError
        Areas are lacking or repeated, or a cell is none of an edition's: no number, no rank that an
        area can have, a rank that does not follow the score or is not in the decile beside it.
    """
    columns = {f"{OVERALL} {what}": found.columns[what] for what in WHATS if what in found.columns}
    for at, heading in enumerate(found.headings):
        if match := MEASURE.fullmatch(heading.replace("_", " ")):
            columns.setdefault(f"{match['domain']} {match['what']}", at)
    found = replace(found, columns={"area_code": found.columns["area_code"], **columns})
    text = found.rows(codes.get(EDITIONS[found.year].vintage, ()), whole=True)
    found.refuse_repeats(text)
    parts = []
    for domain in dict.fromkeys([OVERALL, *(name.rpartition(" ")[0] for name in columns)]):
        part = text[["area_code", "row"]].assign(domain=domain)
        for what in WHATS:
            name = f"{domain} {what}"
            part[what] = found.numbers(text, name) if name in columns else float("nan")
        if f"{domain} rank" in columns:
            _refuse_damage(part, domain, found)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def decile(rank: pd.Series, areas: int) -> pd.Series:
    """National tenth of each of `areas` ranks, 1 the most deprived.

    The rule of the published deciles of 2015 and 2019; the earlier editions were published without.
    """
    return np.ceil(rank * 10 / areas)


def _refuse_damage(rows: pd.DataFrame, domain: str, found: Found) -> None:
    """Stop at a rank that no area has, and at one that the score or decile beside it contradicts.

    Areas with the same score share a rank in a domain, which may then end in a half.
    """
    rank, last = rows["rank"], EDITIONS[found.year].areas
    order = rows.sort_values(["score", "rank"], ascending=[False, True])
    falls = order.index[(order["rank"].diff() < 0) & order["score"].notna()]
    # Deciles of domains in copies are worked out by others, in ways of their own.
    off = rows["decile"].notna() & (rows["decile"] != decile(rank, last)) & (domain == OVERALL)
    of_domain = "" if domain == OVERALL else f" ({domain})"
    rows = rows.assign(shown=rank.map("{:g}".format).mask(rank.isna(), '""'))
    for wrong, why in (
        (
            ~rank.between(1, last) | (rank % (1 if domain == OVERALL else 0.5) > 0),
            f"is none of the ranks 1 to {last}",
        ),
        (off, f"is not in the decile beside it, of {last:,} areas"),
        (rows.index.isin(falls), "does not follow the scores, as the ranks around it do"),
    ):
        said = f": rank {{shown}} of {{area_code}}{of_domain} {why}, so a cell is damaged. {AGAIN}"
        refuse_rows(rows[wrong], found.place, said)
