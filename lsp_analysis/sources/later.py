"""What became of the small areas of 2011 in 2021, for tables on the codes of that year."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lsp_analysis.sources import choice, lookups
from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.register import Register


def later_codes(
    founds: Sequence[Found],
    codes: Sequence[str],
    residents: pd.Series | None,
    register: Register,
) -> pd.DataFrame | None:
    """Each small area of 2011 beside those of 2021 it is made of, or a part of.

    Parameters
    ----------
    founds : lookups of LSOA 2011 to LSOA 2021 that were found.
    codes : the borough's small areas of 2011.
    residents : residents of the areas of 2011 by code, to share out merged areas by; alike if None.
    register : gets the lookup used.

    Returns
    -------
    DataFrame with ``area_code`` (2011), ``later_code`` (2021) and ``weight``, the share of the
    later area that lies in the earlier one: 1 unless areas merged. None without a lookup.
    """
    for found in choice.preferred(founds):
        rows = lookups.read_later_codes(found)
        later = set(rows.loc[rows["area_code"].isin(codes), "later_code"])
        if later:
            choice.refuse_gaps(rows["area_code"], codes, found)
            register.use(found)
            links = rows[rows["later_code"].isin(later)].drop_duplicates()
            return _with_weights(links, residents)
    return None


def _with_weights(links: pd.DataFrame, residents: pd.Series | None) -> pd.DataFrame:
    size = pd.Series(1.0, index=links.index)
    if residents is not None:
        size = links["area_code"].map(residents).astype("float64")
    total = size.groupby(links["later_code"]).transform("sum")
    alike = 1 / links.groupby("later_code")["area_code"].transform("size")
    return links.assign(weight=(size / total).fillna(alike))
