"""What may be said of an area beside others: verdicts, p-values for their number, and ranks.

A verdict is one of

- **worse**, **better** (or **higher**, **lower** where the indicator has no good side): a clear
  difference, allowing for all indicators compared at once (Benjamini and Hochberg 1995);
- **close to it**: the 90% interval of the difference lies inside the margin that the indicator
  declares (two one-sided tests, Schuirmann 1987);
- **too few to say**: not clear, and fewer than ten cases are expected at the comparator's rate;
- **no clear difference**: none of these, it could be either way;
- **not comparable**: with the reason, such as ages that are missing.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

from lsp_analysis import wording
from lsp_analysis.errors import PanelError

REST = "the rest of the borough"
ALIKE = "similarly deprived areas"
CLEAR = ("worse", "better", "higher", "lower")
CLOSE, UNCLEAR = "close to it", "no clear difference"
FEW, NOT = "too few to say", "not comparable"
MOST_NAMED = 6  # indicators of one reason that a sentence names
VERDICTS = (*CLEAR, CLOSE, UNCLEAR, FEW, NOT)
FEWEST_EXPECTED = 10
MEANINGS = {
    "worse": "clearly worse, by more than chance usually makes",
    "better": "clearly better, by more than chance usually makes",
    "higher": "clearly higher; the indicator has no good side",
    "lower": "clearly lower; the indicator has no good side",
    CLOSE: "the difference is surely smaller than the margin set for the indicator",
    UNCLEAR: "it could be either way",
    FEW: f"not clear, and fewer than {FEWEST_EXPECTED} cases are to be expected here",
    NOT: "the reason is given",
}
# The words for being below and above the benchmark.
SIDES = {
    "high_is_good": ("worse", "better"),
    "low_is_good": ("better", "worse"),
    "none": ("lower", "higher"),
}
ADJUSTMENTS = {"bh": "fdr_bh", "by": "fdr_by", "holm": "holm"}


def settle(rows: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Give every row of comparisons its verdict, allowing for how many there are.

    Parameters
    ----------
    rows : DataFrame, one row per comparison of one area
        ``p_value``, ``difference``, ``polarity``, ``margin``, ``close_low`` and ``close_high`` (90%
        interval of the difference), ``expected`` (cases at the comparator's rate), ``why_not``.
    level : float between 0 and 1
        One less the share of false discoveries among the clear differences.

    Returns
    -------
    DataFrame, `rows` with ``p_adjusted``, ``verdict`` and ``reason`` (of those not comparable or
    too few to say; else empty).
    """
    tested = rows["why_not"].fillna("") == ""  # the others are no comparisons to allow for
    adjusted = adjust_p(rows["p_value"].astype(float).where(tested))
    pairs = zip(rows.to_dict("records"), adjusted, strict=True)
    found = [verdict_of(row, p, level) for row, p in pairs]
    words, reasons = ([one[part] for one in found] for part in (0, 1))
    return rows.assign(p_adjusted=adjusted, verdict=words, reason=reasons)


def verdict_of(row: dict[str, object], p_adjusted: float, level: float) -> tuple[str, str]:
    """The verdict on one row of `settle` at a p-value, and the reason where there is none."""
    if row["why_not"]:
        return (FEW if "fewer than" in row["why_not"] else NOT), str(row["why_not"])
    if p_adjusted <= 1 - level:
        return SIDES[row["polarity"]][row["difference"] > 0], ""
    margin = row["margin"]
    if not np.isnan(margin) and -margin < row["close_low"] and row["close_high"] < margin:
        return CLOSE, ""
    if row["expected"] < FEWEST_EXPECTED:
        number = wording.number(row["expected"], 1)
        return FEW, f"{number} cases are to be expected at the comparator's rate"
    return UNCLEAR, ""


def rule(level: float = 0.95) -> str:
    """How verdicts allow for many comparisons, in a sentence to print once on a page."""
    share = wording.number(round(100 * (1 - level), 1))
    return (
        f"Verdicts allow for all indicators of an area at once: of the clear differences, at most "
        f"{share} in 100 are expected to be chance (Benjamini and Hochberg). Events are taken as "
        "independent of one another. Where one cause brings several, such as one burglar, chance "
        "alone makes a difference look clear more often: in up to 6 of 100 tests at 95% confidence "
        "where counts vary as burglaries usually do, in up to 14 where their variance is twice the "
        "mean."
    )


def counted(verdicts: pd.Series) -> str:
    """Verdicts with their counts, in the order of `VERDICTS`: "2 worse, 1 better and 3 ..."."""
    counts = verdicts.value_counts()
    return wording.and_list(f"{counts[word]} {word}" for word in VERDICTS if counts.get(word, 0))


def by_area(table: pd.DataFrame) -> pd.DataFrame:
    """The clear verdicts of each area in words, areas that are worse most often first.

    Parameters
    ----------
    table : DataFrame
        One row per area and indicator, with columns ``area``, ``indicator`` and ``verdict``.
    """
    counts = table["verdict"].eq("worse").groupby(table["area"], sort=False).sum()
    rows = []
    for area in counts.sort_values(ascending=False, kind="stable").index:
        own, told = table[table["area"] == area], {"Area": area}
        for word in CLEAR:
            names = own.loc[own["verdict"] == word, "indicator"]
            listed = f"{len(names)}: {'; '.join(names)}" if len(names) else "0"
            told[f"{wording.capital(word)} on"] = listed
        rows.append(told)
    shown = pd.DataFrame(rows)
    return shown[[c for c in shown if c in ("Area", "Worse on") or (shown[c] != "0").any()]]


def too_few(table: pd.DataFrame) -> str:
    """One sentence on all indicators with too few cases; empty when there are none."""
    names = [wording.inside(name) for name in table.loc[table["verdict"] == FEW, "name"]]
    return f"Too few cases to say: {wording.and_list(names)}." if names else ""


def not_comparable(table: pd.DataFrame, most: int = MOST_NAMED) -> str:
    """One sentence for each reason why indicators are not compared; empty when all are."""
    rows = table[table["verdict"] == NOT]
    return " ".join(
        f"{wording.capital(wording.some_of(names, most))}: not comparable, {why}."
        for why, names in rows.groupby("reason", sort=False)["name"]
    )


def adjust_p(p: ArrayLike, *, method: str = "bh") -> np.ndarray:
    """Adjust p-values for how many there are (statsmodels); missing ones stay out of the count.

    Parameters
    ----------
    p : array of p-values
    method : "bh", "by" or "holm"
        Benjamini and Hochberg (1995) and Benjamini and Yekutieli (2001) hold the share of false
        discoveries; Holm (1979) the chance of any.
    """
    p = np.asarray(p, float)
    if (p < 0).any() or (p > 1).any():
        span = f"{np.nanmin(p):g} to {np.nanmax(p):g}"
        raise PanelError(f"p-values lie from 0 to 1, and these from {span}.")
    known, adjusted = ~np.isnan(p), np.full(p.shape, np.nan)
    if known.any():
        adjusted[known] = multipletests(p[known], method=ADJUSTMENTS[method])[1]
    return adjusted


def quantiles(
    values: ArrayLike, n_quantiles: int = 10, *, highest_first: bool = True
) -> np.ndarray:
    """Sort values into `n_quantiles` groups of nearly equal size, numbered from 1.

    Tied values share the lower rank, and so the group, as in Fingertips; groups of unequal size
    are unequal by one where the count does not divide.

    Parameters
    ----------
    values : array of numbers
        Missing values stay missing.
    n_quantiles : int
        5 for fifths, 10 for tenths.
    highest_first : bool
        Group 1 holds the highest values, as with deprivation scores, or the lowest.

    Returns
    -------
    array of float
        Missing throughout when there are fewer values than groups.
    """
    rank = ranks(values, highest_first=highest_first)
    n = np.count_nonzero(~np.isnan(rank))
    if n < n_quantiles:
        return np.full(len(rank), np.nan)
    # Counting from the far end decides which groups are the larger ones: the last of them.
    from_last = np.ceil((n + 1 - rank) * n_quantiles / n)
    return np.maximum(n_quantiles + 1 - from_last, 1)


def ranks(values: ArrayLike, *, highest_first: bool = True) -> np.ndarray:
    """Rank 1 for the highest (or lowest) value; ties share the lower rank, missing stay missing."""
    series = pd.Series(np.atleast_1d(np.asarray(values, float)))
    return series.rank(method="min", ascending=not highest_first).to_numpy()


def place_among(value: float, others: ArrayLike, *, highest_first: bool = True) -> pd.Series:
    """Where one value would stand if it joined others: rank, how many there are, and its tenth.

    Parameters
    ----------
    value : float
        For example a neighbourhood's rate.
    others : array of numbers
        For example the rates of the borough's small areas outside it.
    highest_first : bool
        Whether rank 1 and the first tenth hold the highest values, or the lowest.

    Returns
    -------
    Series
        ``rank``, ``of`` (known values, this one among them), ``decile`` (missing under ten).
    """
    joined = np.append(np.asarray(others, dtype=float), value)
    rank = ranks(joined, highest_first=highest_first)[-1]
    tenth = quantiles(joined, 10, highest_first=highest_first)[-1]
    return pd.Series({"rank": rank, "of": np.count_nonzero(~np.isnan(joined)), "decile": tenth})
