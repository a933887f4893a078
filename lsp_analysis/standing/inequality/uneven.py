"""How unevenly two groups of people live over the small areas of a place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown
from lsp_analysis.standing.checks import as_parts
from lsp_analysis.study.indicator import Indicator


@dataclass(frozen=True)
class Unevenness(Shown):
    """How unevenly the people counted by an indicator live over the small areas of a borough."""

    name: str
    when: str
    share: float  # of all small areas together
    indices: pd.Series = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per index; see `segregation`."""
        return self.indices.rename("value").rename_axis("index").to_frame()

    def sentence(self) -> wording.Sentence:
        """How many would have to live elsewhere, and whom they meet at home."""
        percent = {
            name: wording.quantity(100 * x, "percent", 0) for name, x in self.indices.items()
        }
        return wording.Sentence(
            f"{self.name}, {self.when}: {percent['dissimilarity']} of those counted would have to "
            "live in another small area for every area to have the same share (index of "
            f"dissimilarity). Where they live, {percent['isolation']} of people are counted as "
            f"well, against {wording.quantity(100 * self.share, 'percent')} in the whole borough."
        )


def unevenness(rows: pd.DataFrame, indicator: Indicator, when: str) -> Unevenness:
    """How unevenly those counted live over small areas; see `segregation`.

    Parameters
    ----------
    rows : DataFrame, one row per small area
        ``numerator`` and ``denominator``.
    indicator : Indicator, a share or a stock of people
    when : str
        The period, in words.

    Raises
    ------
    PanelError
        The indicator is neither a share nor a stock.
    """
    if indicator.kind not in ("share", "stock"):
        raise PanelError(
            f"{indicator.name} does not count some of the people of an area, so how evenly they "
            "live cannot be told. Choose a share, such as claimants."
        )
    known = rows.dropna(subset=["numerator", "denominator"])
    share = known["numerator"].sum() / known["denominator"].sum()
    return Unevenness(
        indicator.name, when, share, segregation(known["numerator"], known["denominator"])
    )


def segregation(group: ArrayLike, total: ArrayLike) -> pd.Series:
    """Indices of how unevenly two groups live over areas (Massey and Denton 1988).

    Parameters
    ----------
    group, total : arrays, one element per area
        Members of the group, and all people. Areas without people are left out.

    Returns
    -------
    Series
        ``dissimilarity``, ``gini``, ``entropy``, ``atkinson`` (evenness, 0 to 1; the last with an
        aversion of a half), ``isolation`` and ``interaction`` (chance that a member meets a
        member, or a non-member).

    Raises
    ------
    PanelError
        Nobody is a member, or everybody.
    """
    group, total = as_parts(group, total)
    known = ~np.isnan(group / total)
    group, total = group[known], total[known]
    if not 0 < group.sum() < total.sum():
        raise PanelError(
            f"{group.sum():g} of {total.sum():g} people are of the group. Evenness needs both "
            "members and others."
        )
    share, people, overall = group / total, total.sum(), group.sum() / total.sum()
    spread = people * overall * (1 - overall)
    own, others = group / group.sum(), 1 - share
    rising = np.argsort(share)
    lorenz = np.append(0, np.cumsum(group[rising])) / group.sum()
    base = np.append(0, np.cumsum((total - group)[rising])) / (total - group).sum()
    kept = (total * np.sqrt(others * share)).sum() / (people * overall)
    return pd.Series(
        {
            "dissimilarity": (total * np.abs(share - overall)).sum() / (2 * spread),
            "gini": 1 - 2 * np.trapezoid(lorenz, base),
            "isolation": (own * share).sum(),
            "interaction": (own * others).sum(),
            "entropy": 1 - (total * _entropy(share)).sum() / (people * _entropy(overall)),
            "atkinson": 1 - overall / (1 - overall) * kept**2,
        }
    )


def _entropy(share: ArrayLike) -> np.ndarray:
    share = np.asarray(share, float)
    inner = np.clip(share, np.finfo(float).tiny, 1 - np.finfo(float).eps)
    entropy = -(inner * np.log(inner) + (1 - inner) * np.log1p(-inner))
    return np.where((share == 0) | (share == 1), 0.0, entropy)
