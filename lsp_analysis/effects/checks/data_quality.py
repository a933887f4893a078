"""Could the numbers themselves be what moved: breaks, small counts, missing values?"""

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.study.question import Question

TRIM = 0.15  # of the series at either end, where no break is looked for (Andrews 1993)
DRAWS = 199  # of chance; the finest p-value is then 0.005
FEWEST_FOR_BREAKS = 12  # periods, under which trend and seasons leave nothing to find a break in
FEWEST_EVENTS = 10  # expected after the start, under which small counts say little
LARGEST_USEFUL = 50  # per cent: smallest effect found four times in five, beyond which little is
MOST_MISSING = 0.1  # of the neighbourhood's values on one side of the start
MOST_UNEVEN = 0.05  # by which that share may change at the start more than elsewhere


def series_breaks(asked: Asked) -> CheckResult:
    """Breaks that publishers note, and a look for one in the comparison areas' own series.

    "failed" when one lies within half a year of the start: levels before and after may then not
    compare, and the neighbourhood need not have been touched as the others were.
    """
    question = asked.question
    level = question.level_of(question.comparison)
    series = np.log(np.maximum(level, 1e-3 * level.mean())) if question.counted else level
    notes = _notes(question)
    noted = notes.loc[notes["note"].str.contains("break", case=False).astype(bool), "period"]
    noted = [date for date in sorted(noted.unique()) if date in question.dates]
    breaks: dict[Any, str] = dict.fromkeys(noted, "noted by the publisher")
    even = bool((np.diff(question.event_time) == 1).all())
    looked = even and len(series) >= max(FEWEST_FOR_BREAKS, 3 * question.cycle)
    if looked:
        at, p_value = largest_step(series, question.cycle)
        if p_value <= 1 - question.level + 1e-12:
            breaks.setdefault(question.dates[at], "seen in the comparison areas' series")
    start = question.start.ordinal
    near = [date for date in breaks if abs(date.ordinal - start) <= asked.half_year]
    told = wording.and_list(f"{wording.period(date)}, {how}" for date, how in breaks.items())
    if near:
        status, finding = FAILED, f"A break near the start ({told}): levels may not compare."
    elif breaks:
        status, finding = PASSED, f"A break away from the start ({told}), shared by all areas."
    elif looked:
        status, finding = PASSED, "No break is noted, and none is seen in the borough's series."
    else:
        status, finding = UNSURE, "No break is noted; the series is too short to look for one."
    table = pd.DataFrame({"period": question.dates, "series": "Comparison areas", "value": level})
    options = {"unit": question.unit, "events": _marked(asked, breaks)}
    return CheckResult("Series breaks", status, finding, table, "draw_trend", options)


def _marked(asked: Asked, breaks: dict[Any, str]) -> pd.DataFrame:
    """The start and every break, as lines across a chart."""
    start = asked.question.start
    told = {start: "start"} | {
        period: f"{'start; ' if period == start else ''}{how}" for period, how in breaks.items()
    }
    return pd.DataFrame({"period": list(told), "label": list(told.values())})


def largest_step(series: np.ndarray, cycle: int) -> tuple[int, float]:
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
    draws = _residual(_autoregressions(count, carried), basis)
    chance = _plainest(draws, steps)[1]
    return int(places[place[0]]), float(((chance >= statistic[0]).sum() + 1) / (DRAWS + 1))


def _residual(columns: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return columns - basis @ (basis.T @ columns)


def _plainest(series: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every column of `series`: which step explains most of it, and what share."""
    gain = (steps.T @ series) ** 2 / np.maximum((steps**2).sum(axis=0), 1e-12)[:, None]
    return gain.argmax(axis=0), gain.max(axis=0) / np.maximum((series**2).sum(axis=0), 1e-300)


def _autoregressions(count: int, carried: float) -> np.ndarray:
    """Stationary first-order autoregressions of variance 1, array (count, DRAWS)."""
    draws = np.random.default_rng(0).standard_normal((count, DRAWS))
    for at in range(1, count):
        draws[at] = carried * draws[at - 1] + np.sqrt(1 - carried**2) * draws[at]
    return draws


def small_counts(asked: Asked) -> CheckResult:
    """Whether there were events enough, and how much more they vary than chance alone would.

    Of stocks the latter is not told: the same people are counted again, so there is no variance
    that chance alone would give them.
    """
    name, question, found = "Small counts and dispersion", asked.question, asked.effect
    smallest = asked.effect.smallest
    found_80 = (
        f"the smallest effect found four times in five is {asked.as_size(smallest)}"
        if np.isfinite(smallest)
        else "no effect of any size would be found four times in five"
    )
    own = question.level_of(question.treated)
    options = {"unit": question.unit, "events": _marked(asked, {})}
    table = pd.DataFrame({"period": question.dates, "series": "This neighbourhood", "value": own})
    if not found.multiplicative or not question.counted:
        said = f"The outcome is not a count of events; {found_80}."
        return CheckResult(name, PASSED, said, table, "draw_trend", options)
    expected = asked.expected_total
    each = expected / (len(question.dates) - question.at)
    varies = (
        "these are the same people counted again, so how much they vary is taken from the "
        "comparison areas"
        if question.kind == "stock"
        else "with all else that varies between areas the variance is "
        f"{wording.times(round(found.error**2 * expected, 1))} that of chance alone"
    )
    finding = (
        f"{wording.number(round(expected))} {asked.counted} were expected after the start, "
        f"{wording.number(each)} a period; {varies}, and {found_80}."
    )
    enough = expected >= FEWEST_EVENTS and smallest <= LARGEST_USEFUL
    table = table.assign(value=question.total[question.treated].sum(axis=0))
    options["unit"] = f"{wording.capital(asked.counted)} in each period"
    return CheckResult(name, PASSED if enough else UNSURE, finding, table, "draw_trend", options)


def missing_data(question: Question) -> CheckResult:
    """Whether values are missing, and more of them on one side or in one place than elsewhere.

    "failed" when a tenth of the neighbourhood's values are missing, or when its share changed at
    the start by 5 points more than elsewhere. Values that publishers mark as suppressed or
    estimated are counted.
    """
    gone, own, at = ~question.known, question.treated, question.at
    sides = {"before": slice(0, at), "after": slice(at, None)}
    shares = pd.Series(
        {
            f"{label}, {side}": float(gone[areas][:, when].mean())
            for label, areas in (("This neighbourhood", own), ("Other areas", ~own))
            for side, when in sides.items()
        }
    )
    table = (100 * shares).rename_axis("label").reset_index(name="estimate")
    table = table.assign(low=np.nan, high=np.nan)
    before, after, others_before, others_after = shares
    left_out = int((gone.any(axis=1) & ~own).sum())
    most, uneven = max(before, after), abs((after - before) - (others_after - others_before))
    if most > MOST_MISSING or uneven > MOST_UNEVEN:
        status = FAILED
        finding = (
            f"{100 * most:.0f}% of the neighbourhood's values are missing on one side of the "
            "start: those that remain may differ from those that are missing."
        )
    elif gone.any():
        areas = wording.counted(left_out, "comparison area")
        status, finding = PASSED, f"Few values are missing; {areas} with gaps took no part."
    else:
        status, finding = PASSED, "No value is missing."
    notes = _notes(question)["note"]
    counts = {word: int(notes.str.contains(word).sum()) for word in ("suppressed", "estimated")}
    told = [f"{wording.counted(n, 'value')} as {word}" for word, n in counts.items() if n]
    if told:
        finding += f" The publishers' notes mark {wording.and_list(told)}."
    picture, options = "draw_forest" if gone.any() else "", {"unit": "% of values missing"}
    return CheckResult("Missing data", status, finding, table, picture, options)


def _notes(question: Question) -> pd.DataFrame:
    """The publishers' notes: period and note."""
    notes = question.context.get("notes")
    if notes is None:
        return pd.DataFrame({"period": [], "note": []}, dtype=object)
    return notes[["period", "note"]].assign(note=notes["note"].astype("str").fillna(""))
