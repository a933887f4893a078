"""Inequality over the whole borough: does an outcome climb with deprivation, and less than before?

One neighbourhood may close its gap while the next falls behind. The slope over all areas, ordered
by deprivation, sees both.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown, View
from lsp_analysis.standing.change.gaps import Gap
from lsp_analysis.standing.comparison.exact import compare_rows
from lsp_analysis.standing.comparison.intervals import as_counts, as_exposure, group_series
from lsp_analysis.standing.comparison.measured import Measured
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.study.indicator import Indicator

GROUPS = 10
REPETITIONS = 10_000
MOST, LEAST = "the most deprived end of the borough", "the least deprived end"
# How values are put on the scale of the line and back, and the slope of the way back by the value.
TRANSFORMS = {
    "none": (np.array, np.array, np.ones_like),
    "log": (np.log, np.exp, np.array),
    "logit": (logit, expit, lambda share: share * (1 - share)),
}


@dataclass(frozen=True)
class SlopeIndex(Shown):
    """Slope and relative index of inequality over quantiles of deprivation, with limits."""

    sii: float
    sii_low: float
    sii_high: float
    rii: float
    rii_low: float
    rii_high: float
    level: float
    transform: str
    line: pd.DataFrame = field(repr=False, compare=False)  # position, value, fitted
    unit: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """Two rows, the slope index and the relative index, with limits."""
        slope = (self.sii, self.sii_low, self.sii_high)
        rows, names = [slope, (self.rii, self.rii_low, self.rii_high)], ["slope", "relative"]
        return pd.DataFrame(rows, [f"{name} index" for name in names], ["value", "low", "high"])

    def sentence(self) -> wording.Sentence:
        """How far apart the two ends of the fitted line are."""
        ends = (self.sii_low, self.sii_high)
        limits = wording.interval(*ends, self.unit, self.level, of_change=True)
        return wording.Sentence(
            "From one end of deprivation to the other the fitted value differs by "
            f"{wording.difference(self.sii, self.unit)} ({limits}), a ratio of "
            f"{wording.number(self.rii, 2)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the groups' values, from the most to the least deprived, and the line fitted."""
        groups = [f"group {number}" for number in range(1, len(self.line) + 1)]
        names = {"value": "Values from most to least deprived", "fitted": "Line fitted"}
        seen = self.line.assign(period=groups).rename(columns=names)
        long = seen.drop(columns="position").melt("period", var_name="series")
        return figures.draw_trend(long, unit=self.unit, ax=ax)


def slope_index(
    population: ArrayLike,
    value: ArrayLike,
    se: ArrayLike | None = None,
    *,
    limits: tuple[ArrayLike, ArrayLike] | None = None,
    transform: str = "none",
    multiplier: float = 1.0,
    level: float = 0.95,
    repetitions: int = 100_000,
) -> SlopeIndex:
    """Slope and relative index of inequality of grouped values.

    A line weighted by population is fitted to the values (or to their logarithms or logits) over
    the mid-points of cumulative population, and its two ends are compared: least deprived less
    most deprived, and their ratio. Limits come from values redrawn within their errors (Low and
    Low 2004).

    Parameters
    ----------
    population, value, se : arrays, one element per group, most deprived first
        Populations, and indicator values with their standard errors: proportions between 0 and 1
        for "logit", above 0 for "log".
    limits : pair of arrays, in place of `se`
        Lower and upper 95% limits of the values, from which standard errors are worked out on the
        scale fitted.
    transform : "none", "log" for rates or "logit" for proportions
    multiplier : float
        Scale of the slope index; a negative one also turns the relative index over, for values
        of which less is better.
    level : float between 0 and 1
    repetitions : int
        Number of redrawn sets of values; the random numbers always start at the same place.
    """
    to_line, back, slope_at = TRANSFORMS[transform]
    people, value = (np.asarray(part, float) for part in (population, value))
    share = people / people.sum()
    position = np.cumsum(share) - share / 2
    # Least squares weighted by population, as matrices that turn values into points of the line.
    design, root = np.column_stack([np.ones_like(position), position]), np.sqrt(share)
    coefficients = np.linalg.pinv(design * root[:, None]) * root
    ends = (np.array([[1.0, 0.0], [1.0, 1.0]]) @ coefficients).T  # most deprived, least deprived
    fitted = to_line(value)
    if limits is None:
        error = np.asarray(se, float) / slope_at(value)
    else:
        low, high = (to_line(np.asarray(end, float)) for end in limits)
        error = (high - low) / (2 * ndtri(0.975))
    draws = np.random.default_rng(0).standard_normal((repetitions, len(share)))
    simulated = _indices(back((fitted + draws * error) @ ends), multiplier)
    sii, rii = map(float, _indices(back(fitted @ ends), multiplier))
    tail = (1 - level) / 2
    sii_limits, rii_limits = (np.quantile(index, [tail, 1 - tail]) for index in simulated)
    line = back(design @ coefficients @ fitted)
    return SlopeIndex(
        sii, *map(float, sii_limits), rii, *map(float, rii_limits), level, transform,
        pd.DataFrame({"position": position, "value": value, "fitted": line}),
    )  # fmt: skip


def _indices(ends: np.ndarray, multiplier: float) -> tuple[np.ndarray, np.ndarray]:
    most, least = ends[..., 0], ends[..., 1]
    ratio = most / least if multiplier < 0 else least / most
    return (least - most) * multiplier, ratio


def slope(brief: AreaBrief, indicator_id: str) -> SlopeIndex:
    """The slope over the whole borough by deprivation, in the last year.

    Over tenths of small areas; positive when the indicator is higher among the most deprived. The
    line is fitted to logits of proportions and to logarithms of other values, so that it never runs
    below zero or above the whole, and to the values themselves where a group has none above zero;
    standard errors are those of small areas differing within their group. PanelError where too few
    areas have a rank, or a group has no value.
    """
    one, ranks = _by_deprivation(brief, indicator_id)
    last = one.panel["period"].max()
    then, members = one.panel[one.panel["period"] == last], tenths(one.panel, ranks)
    found = _index(then, members, one.indicator, brief.level)
    if found is None:
        raise PanelError(
            f"{one.indicator.name} is not known in {last} for every group of areas by deprivation."
        )
    return found


def slopes(brief: AreaBrief, indicator_id: str) -> Gap:
    """The slope over the whole borough by deprivation, year by year, as the gap between its ends.

    As for `slope`; a period in which a group has no value is left out.
    """
    one, ranks = _by_deprivation(brief, indicator_id)
    members, indicator, found = tenths(one.panel, ranks), one.indicator, []
    for period, then in one.panel.groupby("period"):
        if index := _index(then, members, indicator, brief.level):
            ends = index.line["fitted"].iloc[[0, -1]]
            sii, rii = index.summary_frame().to_numpy()
            found.append([period, period, *ends, *sii, *rii, ""])
    if not found:
        raise PanelError(
            f"{indicator.name} has no period with a value in every group of areas by deprivation."
        )
    columns = ["first", "period", "value", "comparator_value", "gap", "low", "high", "ratio"]
    frame = pd.DataFrame(found, columns=[*columns, "ratio_low", "ratio_high", "note"])
    about = (indicator.indicator_id, indicator.name, indicator.per, indicator.polarity)
    return Gap(*about, MOST, LEAST, brief.level, frame)


def shared_out(brief: AreaBrief, indicator_id: str) -> View:
    """How the events of the last year are shared out from the most to the least deprived.

    PanelError for an indicator without events to share out.
    """
    one, ranks = _by_deprivation(brief, indicator_id)
    then = one.panel[one.panel["period"] == one.panel["period"].max()]
    rows = then.assign(rank=then["area_code"].map(ranks)).dropna(subset="rank")
    if rows[["numerator", "denominator"]].isna().all().any():
        raise PanelError(
            f"{one.indicator.name} has no counts that could be shared out over people."
        )
    index, curve = concentration(rows["rank"], rows["numerator"], rows["denominator"])
    fifth = np.interp(0.2, *curve.to_numpy().T)
    said = (
        f"The most deprived fifth of people has {wording.quantity(100 * fifth, 'percent')} of the "
        f"total (concentration index {wording.number(index, 2)}; below zero means more among the "
        "most deprived)."
    )
    return View(said, curve, lambda ax: figures.draw_concentration(curve, ax=ax))


def _by_deprivation(brief: AreaBrief, indicator_id: str) -> tuple[Measured, pd.Series]:
    """An indicator, and ranks in the Indices that similarly deprived areas were chosen on."""
    _, indices = brief.study.indices_before(brief.start, brief.area.code_vintage)
    return brief.measured(indicator_id), indices.set_index("area_code")["rank"]


def tenths(panel: pd.DataFrame, ranks: pd.Series) -> dict[int, list[str]]:
    """Codes of the panel's areas in ten groups of equal number, 1 the most deprived.

    PanelError when fewer than two areas a group have a rank.
    """
    known = ranks.dropna()[lambda known: known.index.isin(panel["area_code"])]
    codes = known.sort_values(kind="stable").index
    if len(codes) < 2 * GROUPS:
        raise PanelError(
            f"{len(codes)} areas of the panel have a rank of deprivation, and {GROUPS} groups need "
            f"{2 * GROUPS}. Check that both use codes of one vintage."
        )
    place = np.arange(len(codes)) * GROUPS // len(codes) + 1
    return {number: list(codes[place == number]) for number in range(1, GROUPS + 1)}


def _index(
    then: pd.DataFrame, members: dict[int, list[str]], indicator: Indicator, level: float
) -> SlopeIndex | None:
    """The slope over groups in one period; None where one of them has no value."""
    groups = [
        group_series(then, codes, indicator=indicator, leave_out_missing=True)
        for codes in members.values()
        if then["area_code"].isin(codes).any()
    ]
    if not groups:
        return None
    rows, scale = pd.concat(groups, ignore_index=True), 1.0
    if rows[["value", "se"]].notna().all(axis=1).sum() != GROUPS:
        return None
    transform = "log" if (rows["value"] > 0).all() else "none"
    inside = rows["value"].between(0, indicator.multiplier, inclusive="neither").all()
    if indicator.kind in ("share", "stock") and inside:
        transform, scale = "logit", indicator.multiplier
    about = {"multiplier": -scale, "level": level, "repetitions": REPETITIONS}
    values = rows["value"] / scale, rows["se"] / scale
    people = rows["denominator"].fillna(rows["n_areas"])
    found = slope_index(people, *values, transform=transform, **about)
    line = found.line.assign(**{name: scale * found.line[name] for name in ("value", "fitted")})
    return replace(found, line=line, unit=indicator.per)


def concentration(
    order: ArrayLike, outcome: ArrayLike, population: ArrayLike
) -> tuple[float, pd.DataFrame]:
    """Concentration curve and index of an outcome over areas in order of deprivation.

    Parameters
    ----------
    order : array
        Deprivation rank of each area, most deprived first (rank 1); ties share their people out
        evenly, since the areas are joined by a straight line.
    outcome, population : arrays of the same length
        Events and people of each area; areas with either missing are left out.

    Returns
    -------
    index, curve
        The index is twice the area between the line of equality and the curve: negative when the
        most deprived have more than their share (Kakwani, Wagstaff and van Doorslaer 1997). The
        curve has ``cumulative_population`` and ``cumulative_outcome``, as shares.
    """
    columns = (np.asarray(order, float), as_counts(outcome), as_exposure(population))
    table = pd.DataFrame(dict(zip(("order", "outcome", "people"), columns, strict=True))).dropna()
    shares = table.groupby("order")[["people", "outcome"]].sum().cumsum()
    shares = shares / shares.iloc[-1]
    people, outcomes = (np.append(0.0, shares[name]) for name in ("people", "outcome"))
    curve = pd.DataFrame({"cumulative_population": people, "cumulative_outcome": outcomes})
    return float(1 - 2 * np.trapezoid(outcomes, people)), curve


QUADRANTS = {  # by whether the comparator got better and the gap narrowed
    (True, True): "levelling up",
    (True, False): "improving but widening",
    (False, True): "narrowing by decline",
    (False, False): "both worse",
}
UNMOVED = "no change"
MOVES = [f"{of}_{end}" for of in ("borough", "gap") for end in ("change", "low", "high")]
AIMS = ["indicator_id", "label", "start", "end", *MOVES, "quadrant", "clear"]


def _placed(table: pd.DataFrame) -> str:
    """How many indicators lie in each quadrant, and how many clearly so."""
    n, clear = len(table), int(table["clear"].sum())
    if not n:
        return "No indicator has both a direction that is good and two periods with a gap."
    if n == 1:
        surely = "clearly so" if clear else "though chance could have put it there"
        return f"{table['label'].iloc[0]}: {table['quadrant'].iloc[0]}, {surely}."
    counts = table["quadrant"].value_counts()
    names = [*QUADRANTS.values(), UNMOVED]
    places = wording.and_list(f"{name} {counts[name]}" for name in names if name in counts)
    surely = f"{wording.of_total(clear, n)} with both intervals on one side of zero"
    return f"Of {wording.counted(n, 'indicator')}: {places}; {surely}."


def _moves(table: pd.DataFrame, level: float) -> Table:
    """Each indicator's change in the comparator and in the gap, with intervals."""
    cells = [
        [f"{wording.difference(x, digits=0)}%" for x in row] for row in table[MOVES].to_numpy()
    ]
    told = [[f"{row[i]} ({row[i + 1]} to {row[i + 2]})" for row in cells] for i in (0, 3)]
    columns = {
        "Indicator": table["label"],
        "From": table["start"].map(wording.period),
        "To": table["end"].map(wording.period),
        f"Change in {REST} (+ is better)": told[0],
        "Change in the gap (+ is wider)": told[1],
        "So it is": table["quadrant"],
        "Clearly so": table["clear"].map({True: "yes", False: "no"}),
    }
    return figures.table(
        pd.DataFrame(columns),
        caption="Does it get better, and does the gap close? In per cent of the value of "
        f"{REST} at the start, with {100 * level:.3g}% intervals",
    )


def aims_of(brief: AreaBrief) -> View:
    """Every indicator by how the rest of the borough changed and how the gap did.

    So that indicators in different units share one table, changes are in per cent of the value of
    the rest of the borough at the start, and its change is turned so that up is better. Down on
    the other axis is a narrower gap (`GapChange`). Indicators without polarity, or without both
    periods, are named in the sentence only.
    """
    rows, left_out = [], []
    for indicator_id in brief.panels:
        row, name = _place(brief, indicator_id), brief.indicator(indicator_id).name
        if row is None:
            left_out.append(name)
        else:
            rows.append({"indicator_id": indicator_id, "label": name, **row})
    table = pd.DataFrame(rows, columns=AIMS)
    out = f" Not placed: {wording.and_list(map(wording.inside, left_out))}." if left_out else ""
    return View(_placed(table) + out, table, tabulate=lambda: _moves(table, brief.level))


def quadrant_name(borough_change: float, gap_change: float) -> str:
    """The name of a quadrant: the change is above zero when the comparator got better, and below
    zero when the gap narrowed.

    >>> quadrant_name(2.0, -1.0), quadrant_name(-2.0, -1.0)
    ('levelling up', 'narrowing by decline')
    """
    if borough_change == 0 or gap_change == 0:
        return UNMOVED
    return QUADRANTS[borough_change > 0, gap_change < 0]


def _place(brief: AreaBrief, indicator_id: str) -> dict[str, object] | None:
    """Both changes of one indicator and its quadrant; None where it cannot be placed."""
    indicator, gaps = brief.indicator(indicator_id), brief.gap(indicator_id)
    if indicator.polarity == "none" or gaps.frame["gap"].notna().sum() < 2:
        return None
    change, other = gaps.change(), brief.series(indicator_id, REST)
    ends = (change.start, change.end)
    before, after = (other[other["period"] == end].reset_index(drop=True) for end in ends)
    base = before["value"].iloc[0]
    if not base > 0:
        return None
    moved = compare_rows(after, before, indicator=indicator, level=brief.level)
    better = 100 / base if indicator.polarity == "high_is_good" else -100 / base
    borough, *ends = (better * moved[f"difference{end}"] for end in ("", "_low", "_high"))
    sizes = (change.change, change.change_low, change.change_high)
    gap, low, high = (100 / base * x for x in sizes)
    clear = bool(min(ends) * max(ends) > 0 and low * high > 0)
    moves = dict(zip(MOVES, (borough, min(ends), max(ends), gap, low, high), strict=True))
    placed = {"quadrant": quadrant_name(borough, gap), "clear": clear}
    return {"start": change.start, "end": change.end, **moves, **placed}
