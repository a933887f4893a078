"""What could fool us? Every check of one estimate, in one call; and those of the numbers: breaks,
small counts, missing values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.checks import comparators, pretrends
from lsp_analysis.effects.checks.around import displacement, spillover
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked, ask
from lsp_analysis.effects.parts import answers
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.errors import check_one_of
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown, with_note
from lsp_analysis.study.question import Question

SIGNS = {PASSED: "✓", FAILED: "✗", UNSURE: "?"}


@dataclass(frozen=True)
class Checks(Shown):
    """All checks of one estimate; ``checks["Spillover"]`` is one of them."""

    found: tuple[CheckResult, ...]

    def __iter__(self) -> Iterator[CheckResult]:
        """One check after the other."""
        return iter(self.found)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found)

    def __getitem__(self, name: str) -> CheckResult:
        """The check of that name; ParameterError, with the nearest names, for an unknown one."""
        known = {one.name.casefold(): one for one in self.found}
        if str(name).casefold() not in known:
            check_one_of(name, [one.name for one in self.found], "check")
        return known[str(name).casefold()]

    def summary_frame(self) -> pd.DataFrame:
        """One row per check: its status and what was found."""
        return pd.concat([check.summary_frame() for check in self.found])

    def sentence(self) -> wording.Sentence:
        """How many checks passed, and the names of those that did not, in one line."""
        names = {
            status: [check.name.lower() for check in self.found if check.status == status]
            for status in (PASSED, FAILED, UNSURE)
        }
        told = [f"{wording.of_total(len(names[PASSED]), len(self.found))} checks passed"]
        told += [
            f"{status}: {wording.and_list(names[status])}"
            for status in (FAILED, UNSURE)
            if names[status]
        ]
        return wording.Sentence("; ".join(told) + ".")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the first check that failed; where none did, the first that could not tell."""
        order = sorted(self.found, key=lambda check: (FAILED, UNSURE, PASSED).index(check.status))
        return order[0].plot(ax=ax)

    def shown_table(self) -> Table:
        """All checks, each with its status as a word and a sign."""
        rows = [
            {"Check": check.name, "Status": f"{SIGNS[check.status]}\u00a0{check.status}",
             "What was found": check.finding}
            for check in self.found
        ]  # fmt: skip
        return figures.table(pd.DataFrame(rows), caption="What could fool us, and what was found")


@answers
def check_all(question: Question) -> Checks:
    """All checks of one estimate: each asks the same question again in another way.

    Raises
    ------
    PanelError
        As for `estimate`.
    """
    asked = ask(question)
    earlier = pretrends.earlier_dates(asked)
    found = (
        comparators.regression_to_the_mean(asked),
        pretrends.pre_trends(earlier),
        pretrends.undoing_violation(earlier),
        pretrends.anticipation(earlier),
        spillover(asked),
        displacement(asked),
        comparators.contaminated_comparators(asked),
        comparators.leave_one_out(asked),
        comparators.comparison_choice(asked),
        series_breaks(asked),
        small_counts(asked),
        missing_data(question),
    )
    about = question.indicator.name if question.indicator else ""
    return Checks(with_note(found, question.note, about=about))


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
    told = wording.and_list(f"{wording.period(date)}, {how}" for date, how in breaks.items())
    if any(abs(date.ordinal - question.start.ordinal) <= asked.half_year for date in breaks):
        status, finding = FAILED, f"A break near the start ({told}): levels may not compare."
    elif breaks:
        status, finding = PASSED, f"A break away from the start ({told}), shared by all areas."
    elif looked:
        status, finding = PASSED, "No break is noted, and none is seen in the borough's series."
    else:
        status, finding = UNSURE, "No break is noted; the series is too short to look for one."
    table = pd.DataFrame({"period": question.dates, "series": "Comparison areas", "value": level})
    options = {"unit": question.unit, "events": _marked(question, breaks)}
    return CheckResult("Series breaks", status, finding, table, "draw_trend", options)


def _marked(question: Question, breaks: dict[Any, str]) -> pd.DataFrame:
    """The start and every break, as lines across a chart."""
    told = {question.start: "start"} | breaks
    if question.start in breaks:
        told[question.start] = f"start; {breaks[question.start]}"
    return pd.DataFrame(told.items(), columns=["period", "label"])


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
    draws = np.random.default_rng(0).standard_normal((count, DRAWS))
    for at in range(1, count):  # a stationary autoregression of variance 1
        draws[at] = carried * draws[at - 1] + np.sqrt(1 - carried**2) * draws[at]
    chance = _plainest(_residual(draws, basis), steps)[1]
    return int(places[place[0]]), float(((chance >= statistic[0]).sum() + 1) / (DRAWS + 1))


def _residual(columns: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return columns - basis @ (basis.T @ columns)


def _plainest(series: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every column of `series`: which step explains most of it, and what share."""
    gain = (steps.T @ series) ** 2 / np.maximum((steps**2).sum(axis=0), 1e-12)[:, None]
    return gain.argmax(axis=0), gain.max(axis=0) / np.maximum((series**2).sum(axis=0), 1e-300)


def small_counts(asked: Asked) -> CheckResult:
    """Whether there were events enough, and how much more they vary than chance alone would.

    Of stocks the latter is not told: the same people are counted again, so there is no variance
    that chance alone would give them.
    """
    name, question, found = "Small counts and dispersion", asked.question, asked.effect
    smallest = asked.effect.smallest
    found_80 = "no effect of any size would be found four times in five"
    if np.isfinite(smallest):
        found_80 = f"the smallest effect found four times in five is {asked.as_size(smallest)}"
    own = question.level_of(question.treated)
    options = {"unit": question.unit, "events": _marked(question, {})}
    table = pd.DataFrame({"period": question.dates, "series": "This neighbourhood", "value": own})
    if not found.multiplicative or not question.counted:
        said = f"The outcome is not a count of events; {found_80}."
        return CheckResult(name, PASSED, said, table, "draw_trend", options)
    expected = asked.expected_total
    each = expected / (len(question.dates) - question.at)
    times = wording.times(round(found.error**2 * expected, 1))
    varies = f"with all else that varies between areas the variance is {times} that of chance alone"
    if question.kind == "stock":
        varies = "these are the same people counted again, so how much they vary is taken from the "
        varies += "comparison areas"
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
    shares = {
        f"{label}, {side}": float(gone[areas][:, when].mean())
        for label, areas in (("This neighbourhood", own), ("Other areas", ~own))
        for side, when in sides.items()
    }
    table = pd.DataFrame(shares.items(), columns=["label", "estimate"])
    table = table.assign(estimate=100 * table["estimate"], low=np.nan, high=np.nan)
    before, after, others_before, others_after = shares.values()
    left_out = int((gone.any(axis=1) & ~own).sum())
    most, uneven = max(before, after), abs((after - before) - (others_after - others_before))
    status, finding = PASSED, "No value is missing."
    if most > MOST_MISSING or uneven > MOST_UNEVEN:
        status = FAILED
        finding = (
            f"{100 * most:.0f}% of the neighbourhood's values are missing on one side of the "
            "start: those that remain may differ from those that are missing."
        )
    elif gone.any():
        areas = wording.counted(left_out, "comparison area")
        finding = f"Few values are missing; {areas} with gaps took no part."
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
