"""Which boroughs of a large study a question about one place is asked of, and their rows."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.errors import LspError
from lsp_analysis.study.areas import Area, is_among

FEWEST = 60  # small areas to compare with, below which other boroughs are taken in
PLACED = ("area_code", "member_code", "to_code")  # columns that tell where a row is
HOME = ("area_type", "borough_code")  # and those of the table of areas


def own_rows(study: Any, table: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table that are not about areas of boroughs that `study` leaves out."""
    if table == "areas":
        inside = rows["borough_code"].fillna("")
        inside = inside.where(rows["area_type"] != "borough", rows["area_code"])
        own = is_among(inside, [*study.boroughs, ""])
    else:
        own = np.ones(len(rows), dtype=bool)
        for name in PLACED:
            if name in rows:
                own &= is_among(rows[name], study.codes) | rows[name].isna().to_numpy()
    return rows if own.all() else rows[own].reset_index(drop=True)


def boroughs_around(study: Any, place: str | Area, fewest: int, before: object) -> tuple[str, ...]:
    """Codes of the boroughs of `place`, and of those that `Study.around` takes in; empty where they
    are all that the study has, or cannot be told."""
    area = place if isinstance(place, Area) else study.area(place)
    homes = study.boroughs_of(area.code_vintage)
    own = {homes.get(code) for code in area.members} or {area.borough_code}
    if not all(isinstance(code, str) and code for code in own):
        return ()
    if fewest:
        own |= _nearest(study, own, len(area.members) + fewest, before)
    return () if set(homes.values()) <= own else tuple(sorted(own))


def _nearest(study: Any, own: set[str], needed: int, before: object) -> set[str]:
    """Boroughs nearest in deprivation, or first by code where ranks are not known, as many as give
    `needed` small areas with `own`."""
    counts = Counter(study.boroughs_of(study.code_vintage).values())
    have = sum(counts[code] for code in own)
    if have >= needed:
        return set()
    order = _region(study, own) or sorted(map(str, set(counts) - own))
    distance = from_own_rank(study, own, before)
    if distance is not None:
        order = list(distance.reindex(order).sort_values(kind="stable").index)
    sizes = np.cumsum([0, *(counts[code] for code in order)])
    return set(order[: int((have + sizes < needed).sum())])


def _region(study: Any, own: set[str]) -> list[str]:
    """The other boroughs of the region that holds all of `own`, where the study tells it."""
    areas = study.areas()
    regions = set(areas.loc[areas["area_type"] == "region", "area_code"])
    if not regions or not study.has("area_members"):
        return []
    members = study.read("area_members")
    inside = members[members["area_code"].isin(regions)].groupby("area_code")["member_code"]
    holding = [codes for _, codes in inside.agg(set).items() if own <= codes]
    return sorted(holding[0] - own) if holding else []


def from_own_rank(study: Any, own: set[str], before: object) -> pd.Series | None:
    """How far the mean rank of each borough in deprivation lies from that of `own`, by the last
    edition before; None where it is not known."""
    homes = study.small_areas().set_index("area_code")["borough_code"]
    try:
        _, rows = study.indices_before(before, study.code_vintage)
    except LspError:
        return None
    borough = rows["area_code"].map(homes)
    here = rows.loc[borough.isin(own), "rank"].mean()
    return None if pd.isna(here) else (rows.groupby(borough)["rank"].mean() - here).abs()
