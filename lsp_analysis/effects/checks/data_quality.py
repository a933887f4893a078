"""Could the numbers themselves be what moved: breaks, small counts, missing values?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import FAILED, PASSED, UNSURE, Case, as_size, detectable
from lsp_analysis.effects.periods import in_periods
from lsp_analysis.effects.result import CheckResult

TRIM = 0.15  # of the series at either end, where no break is looked for (Andrews 1993)
DRAWS = 199  # of chance; the finest p-value is then 0.005
FEWEST_FOR_BREAKS = 12  # periods, under which trend and seasons leave nothing to find a break in
FEWEST_EVENTS = 10  # expected after the start, under which small counts say little
LARGEST_USEFUL = 50  # per cent: smallest effect found four times in five, beyond which little is
MOST_MISSING = 0.1  # of the neighbourhood's values on one side of the start
MOST_UNEVEN = 0.05  # by which that share may change at the start more than elsewhere


def series_breaks(case: Case, notes: pd.DataFrame | None = None) -> CheckResult:
    """Breaks that publishers note, and a look for one in the comparison areas' own series.

    "failed" when one lies within half a year of the start: levels before and after may then not
    compare, and the neighbourhood need not have been touched as the others were.

    Parameters
    ----------
    notes : DataFrame, optional
        Columns ``period`` and ``note``; rows whose note says "break" count.
    """
    series = _borough_series(case)
    breaks = dict.fromkeys(_noted_breaks(case, notes), "noted by the publisher")
    looked = len(series) >= max(FEWEST_FOR_BREAKS, 3 * case.ledger.cycle)
    if looked:
        at, p_value = largest_step(series, case.ledger.cycle, seed=case.seed)
        if p_value <= 1 - case.level + 1e-12:
            breaks.setdefault(case.ledger.periods[at], "seen in the comparison areas' series")
    near = [
        period
        for period in breaks
        if abs(case.ledger.periods.get_loc(period) - case.start) <= case.half_year
    ]
    told = wording.and_list(f"{wording.period(period)}, {how}" for period, how in breaks.items())
    if near:
        status, finding = FAILED, f"A break near the start ({told}): levels may not compare."
    elif breaks:
        status, finding = PASSED, f"A break away from the start ({told}), shared by all areas."
    elif looked:
        status, finding = PASSED, "No break is noted, and none is seen in the borough's series."
    else:
        status, finding = UNSURE, "No break is noted; the series is too short to look for one."
    table = pd.DataFrame(
        {"period": case.ledger.periods, "series": "Comparison areas", "value": _shown(case, series)}
    )
    options = {"unit": case.unit, "events": _marked(case, breaks)}
    if case.ledger.counts:
        options["unit"] = f"{wording.capital(case.counted)} per 1,000"
    return CheckResult("Series breaks", status, finding, table, "draw_trend", options)


def _shown(case: Case, series: np.ndarray) -> np.ndarray:
    """The comparison areas' series as it is drawn: events per 1,000 where it is a log rate."""
    return 1000 * np.exp(series) if case.ledger.counts else series


def _marked(case: Case, breaks: dict[Any, str]) -> pd.DataFrame:
    """The start and every break, as lines across a chart."""
    start = case.ledger.periods[case.start]
    told = {start: "start"} | {
        period: f"{'start; ' if period == start else ''}{how}" for period, how in breaks.items()
    }
    return pd.DataFrame({"period": list(told), "label": list(told.values())})


def largest_step(series: np.ndarray, cycle: int, *, seed: int) -> tuple[int, float]:
    """Where a step in a series is plainest, and how often chance alone shows one as plain.

    Trend and seasons are allowed for. Chance is a first-order autoregression with the series' own
    autocorrelation, corrected for its bias in short series (Kendall 1954), drawn `DRAWS` times; the
    largest of the Wald statistics over the middle 70% is compared (Andrews 1993).

    Parameters
    ----------
    series : array (periods,)
    cycle : int
        Periods in a year.
    """
    count = len(series)
    time = np.arange(count)
    columns = [np.ones(count), time / count]
    columns += [(time % cycle == season).astype(float) for season in range(1, cycle)]
    basis = np.linalg.qr(np.column_stack(columns))[0]
    edge = max(2, int(np.ceil(TRIM * count)))
    places = np.arange(edge, count - edge + 1)
    steps = _residual((time[:, None] >= places).astype(float), basis)
    own = _residual(series[:, None], basis)
    place, statistic = _plainest(own, steps)
    rest = own[:, 0]
    carried = (rest[1:] * rest[:-1]).sum() / max((rest**2).sum(), 1e-300)
    carried = float(np.clip(carried + (2 + 4 * carried) / count, 0, 0.97))
    draws = _residual(_autoregressions(count, carried, seed), basis)
    chance = _plainest(draws, steps)[1]
    return int(places[place[0]]), float(((chance >= statistic[0]).sum() + 1) / (DRAWS + 1))


def _residual(columns: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return columns - basis @ (basis.T @ columns)


def _plainest(series: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every column of `series`: which step explains most of it, and what share."""
    gain = (steps.T @ series) ** 2 / np.maximum((steps**2).sum(axis=0), 1e-12)[:, None]
    return gain.argmax(axis=0), gain.max(axis=0) / np.maximum((series**2).sum(axis=0), 1e-300)


def _autoregressions(count: int, carried: float, seed: int) -> np.ndarray:
    """Stationary first-order autoregressions of variance 1, array (count, DRAWS)."""
    draws = np.random.default_rng(seed).standard_normal((count, DRAWS))
    for at in range(1, count):
        draws[at] = carried * draws[at - 1] + np.sqrt(1 - carried**2) * draws[at]
    return draws


def small_counts(case: Case) -> CheckResult:
    """Whether there were events enough, and how much more they vary than chance alone would.

    Of person-periods the latter is not told: they are not independent, so there is no variance that
    chance alone would give them.
    """
    name = "Small counts and dispersion"
    own = case.ledger.total[case.treated].sum(axis=0)
    table = pd.DataFrame(
        {"period": case.ledger.periods, "series": "This neighbourhood", "value": own}
    )
    smallest = detectable(case, case.found)
    found_80 = (
        f"the smallest effect found four times in five is {as_size(case, smallest)}"
        if np.isfinite(smallest)
        else "no effect of any size would be found four times in five"
    )
    options = {"unit": case.unit, "events": _marked(case, {})}
    if not case.ledger.counts:
        return CheckResult(
            name, PASSED, f"The outcome is not a count of events; {found_80}.",
            table.assign(value=_own_level(case)), "draw_trend", options,
        )  # fmt: skip
    expected = float(case.found.expected[0])
    spread = float(case.found.errors[0] ** 2 * expected)
    varies = (
        "these are the same people counted again, so how much they vary is taken from the "
        "comparison areas"
        if case.person_periods
        else "with all else that varies between areas the variance is "
        f"{wording.times(round(spread, 1))} that of chance alone"
    )
    finding = (
        f"{wording.number(round(expected))} {case.counted} were expected after the start, "
        f"{wording.number(expected / (case.stop - case.start))} a period; {varies}, and {found_80}."
    )
    enough = expected >= FEWEST_EVENTS and smallest <= LARGEST_USEFUL
    options["unit"] = f"{wording.capital(case.counted)} in each period"
    return CheckResult(name, PASSED if enough else UNSURE, finding, table, "draw_trend", options)


def _own_level(case: Case) -> np.ndarray:
    """Level of the neighbourhood by period; missing where it has no value."""
    total, exposure = (
        part[case.treated].sum(axis=0) for part in (case.ledger.total, case.ledger.exposure)
    )
    return total / np.where(exposure > 0, exposure, np.nan)


def missing_data(case: Case, notes: pd.DataFrame | None = None) -> CheckResult:
    """Whether values are missing, and more of them on one side or in one place than elsewhere.

    "failed" when a tenth of the neighbourhood's values are missing, or when its share changed at
    the start by 5 points more than elsewhere.

    Parameters
    ----------
    notes : DataFrame, optional
        Column ``note``; "suppressed" and "estimated" are counted.
    """
    gone = case.ledger.exposure <= 0
    rows, shares = [], {}
    for label, areas in (("This neighbourhood", case.treated), ("Other areas", ~case.treated)):
        for side, when in (
            ("before", slice(0, case.start)),
            ("after", slice(case.start, None)),
        ):
            shares[label, side] = float(gone[areas][:, when].mean())
            rows.append({"label": f"{label}, {side}", "estimate": 100 * shares[label, side]})
    table = pd.DataFrame(rows).assign(low=np.nan, high=np.nan)
    own, others = (
        shares[label, "after"] - shares[label, "before"]
        for label in ("This neighbourhood", "Other areas")
    )
    left_out = int((gone.any(axis=1) & ~case.treated).sum())
    most = max(shares["This neighbourhood", side] for side in ("before", "after"))
    told = _noted_words(notes)
    if most > MOST_MISSING or abs(own - others) > MOST_UNEVEN:
        status = FAILED
        finding = (
            f"{100 * most:.0f}% of the neighbourhood's values are missing on one side of the "
            "start: those that are left need not be like those that are gone."
        )
    elif gone.any():
        status = PASSED
        finding = (
            f"Few values are missing; {wording.counted(left_out, 'comparison area')} with gaps "
            "took no part."
        )
    else:
        status, finding = PASSED, "No value is missing."
    return CheckResult(
        "Missing data", status, " ".join(filter(None, [finding, told])), table,
        "draw_forest" if gone.any() else "", {"unit": "% of values missing"},
    )  # fmt: skip


def _borough_series(case: Case) -> np.ndarray:
    """Level of the comparison areas together, by period; on a log scale for counts above zero."""
    areas = case.pool.comparison
    exposure = np.maximum(case.ledger.exposure[areas].sum(axis=0), 1e-12)
    total = case.ledger.total[areas].sum(axis=0)
    return np.log((total + 0.5) / exposure) if case.ledger.counts else total / exposure


def _noted_breaks(case: Case, notes: pd.DataFrame | None) -> list[pd.Period]:
    if notes is None:
        return []
    notes = in_periods(notes)
    told = notes["note"].astype("str").fillna("").str.contains("break", case=False)
    periods = sorted(notes.loc[told, "period"].unique())
    return [period for period in periods if period in case.ledger.periods]


def _noted_words(notes: pd.DataFrame | None) -> str:
    if notes is None:
        return ""
    text = notes["note"].astype("str").fillna("")
    counts = {word: int(text.str.contains(word).sum()) for word in ("suppressed", "estimated")}
    told = [
        f"{wording.counted(count, 'value')} as {word}" for word, count in counts.items() if count
    ]
    return f"The publishers' notes mark {wording.and_list(told)}." if told else ""
