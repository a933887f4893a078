"""Arms, outcomes and looks at one false positive rate: Holm, gatekeeping, error spending."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.boundaries import Bounds, spending_bounds
from lsp_analysis.experiments.protocol.design import Design


def holm(p_values: pd.Series) -> pd.Series:
    """P-values adjusted over the family after Holm (1979); missing ones do not count."""
    known = p_values.dropna().sort_values(kind="stable")
    scaled = known * np.arange(len(known), 0, -1)
    return scaled.cummax().clip(upper=1).reindex(p_values.index)


def levels_of_tests(
    design: Design, primary: pd.Series, secondary: pd.Series, looks: tuple[float, ...] = ()
) -> list[float]:
    """Size of the test of each primary comparison: its step's in Holm's order, or that of looks."""
    alpha = 1 - design.analysis.level
    if design.looks.boundary != "none":
        return [final_alpha(design, looks)] * len(primary)
    family = primary
    if design.analysis.multiplicity == "holm":
        family = pd.concat([primary, secondary.dropna()], ignore_index=True)
    order = family.sort_values(kind="stable").index
    levels, level = {}, alpha
    rejecting = True
    for rank, place in enumerate(order):
        if rejecting:
            level = alpha / (len(family) - rank)
            rejecting = family[place] <= level
        levels[place] = level
    return [levels[place] for place in range(len(primary))]


def adjusted_p(
    design: Design, primary: pd.Series, side: pd.DataFrame, looks: tuple[float, ...] = ()
) -> tuple[pd.Series, np.ndarray]:
    """Adjusted p-values of the primary comparisons and of the secondary outcomes.

    "holm": one family of all. "gatekeeping": the primary outcome by Holm over comparisons; a
    secondary outcome is never surer than its comparison's primary, at an equal share of the error
    for each comparison. With looks, p-values are scaled by the error left for the end, shared out
    equally over the family.
    """
    n, alpha = len(primary), 1 - design.analysis.level
    second = side["p_value"]
    scale = 1.0
    if design.looks.boundary != "none":
        scale = alpha / final_alpha(design, looks) / family_size(design)
    if design.analysis.multiplicity == "holm":
        both = pd.concat([primary, second], ignore_index=True)
        found = holm(both) if scale == 1.0 else (both * scale * family_size(design)).clip(upper=1)
        return found[:n], found[n:].to_numpy()
    split = (primary * n * scale).clip(upper=1)
    found = holm(primary) if scale == 1.0 else split
    names = [one.name for one in design.comparisons()]
    adjusted = np.full(len(side), np.nan)
    for place, name in enumerate(names):
        own = (side["arm"] == name).to_numpy()
        within = (holm(second[own]) * n * scale).clip(upper=1).to_numpy()
        adjusted[own] = np.where(np.isnan(within), np.nan, np.maximum(within, split[place]))
    return found, adjusted


def family_size(design: Design) -> int:
    """How many tests share the error, where it cannot be passed on between looks."""
    n = len(design.comparisons())
    return n * len(design.outcomes()) if design.analysis.multiplicity == "holm" else n


def bounds_of(design: Design, fractions: tuple[float, ...] = ()) -> Bounds:
    """Bounds of a design's looks, each comparison at its share of the error.

    `fractions` is the information at the looks taken, with that of the look now at the end;
    without it, the planned fractions are taken.
    """
    if design.looks.boundary == "none":
        raise DesignError("The design plans no looks before the end. An amendment can add them.")
    alpha = (1 - design.analysis.level) / family_size(design)
    return spending_bounds(fractions or planned_fractions(design), design.looks.boundary, alpha)


def planned_fractions(design: Design) -> tuple[float, ...]:
    """Share of the information planned at each look, even where it is not said."""
    n = len(design.looks.dates)
    return tuple(design.looks.fractions or [(k + 1) / n for k in range(n)])


def final_alpha(design: Design, looks: tuple[float, ...] = ()) -> float:
    """Nominal level of the final test, given the information at the looks that were taken."""
    return float(2 * norm.sf(bounds_of(design, (*looks, 1.0) if looks else ()).z[-1]))
