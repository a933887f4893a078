"""Did the neighbourhood move away from the others before anything was done?

The method is tried at earlier dates, half a year apart by the calendar: the neighbourhood is
predicted for the half year that follows from what came before, and the errors are ranked among
those of its placebos. A test that finds none is only as good as its power (Roth 2022, AER: Insights
4:305), so the drift that would have been found is given, and how large a drift would undo the
finding.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked, during, span
from lsp_analysis.effects.parts import critical_value, rank_p
from lsp_analysis.effects.regressions import honest
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.effects.words import than_expected

POWER = 0.8
MOST_DATES = 6  # half years, three years back
FEWEST_PLACEBOS = 20  # to learn a covariance of as many as seven statistics from
# Multiples of the largest step before the start, and what rows that allow for them are called.
VIOLATIONS = {
    0: "if it did not part",
    0.1: "if a tenth as far as before",
    0.25: "if a quarter as far as before",
    0.5: "if half as far as before",
    1: "if as far as before",
    2: "if twice as far as before",
}
WIDEST_DRAWN = 4  # half-widths of the interval on either side, beyond which bounds are arrows


@dataclass(frozen=True)
class EarlierDates:
    """The method tried at dates before the start.

    Attributes
    ----------
    asked : Asked
        The question itself.
    answers : tuple of (int, Asked)
        Event times at which something might have begun, `width` periods apart, and the effect over
        the `width` periods after each, in the same placebos.
    """

    asked: Asked
    width: int
    answers: tuple[tuple[int, Asked], ...]

    @property
    def statistics(self) -> np.ndarray:
        """Standardised errors, one row per neighbourhood (treated first), one column per date."""
        return np.column_stack([found.effect.statistics for _, found in self.answers])

    @property
    def errors(self) -> np.ndarray:
        """Standard errors of the treated neighbourhood's, in units of effect."""
        return np.array([found.effect.error for _, found in self.answers])

    @property
    def carried(self) -> np.ndarray:
        """How much a step in each half year after the start moves the mean effect."""
        after = max(1, round((int(self.asked.question.event_time[-1]) + 1) / self.width))
        return np.arange(after, 0, -1) / after

    @property
    def p_value(self) -> float:
        """Rank of the largest standardised error among the placebos' largest."""
        largest = np.abs(self.statistics).max(axis=1)
        return rank_p(float(largest[0]), largest[1:])[1]


def earlier_dates(asked: Asked) -> EarlierDates:
    """Try the method half a year, a year, ... before the start, while there is a past to go by and
    the neighbourhood has values."""
    width, times = asked.half_year, asked.question.event_time
    last = times[times < 0].max() + 1
    found: list[tuple[int, Asked]] = []
    for back in range(1, MOST_DATES + 1):
        first = last - width * back
        if (times < first).sum() < max(2, width):
            break
        answer = asked.between_dates(first, first + width, start=True)
        if answer is None or len(answer.effect.statistics) != len(asked.effect.statistics):
            break
        found.insert(0, (first, answer))
    return EarlierDates(asked, width, tuple(found))


def pre_trends(earlier: EarlierDates) -> CheckResult:
    """Whether the neighbourhood differed from its expectation before the start; the test's power.

    "failed" when it did; "too little to tell" when a steady drift too small to be noticed could
    account for as much as was found.
    """
    name, asked = "Pre-trends", earlier.asked
    if not earlier.answers:
        said = "There are too few periods before the start to look for a drift."
        return CheckResult(name, UNSURE, said)
    table = pd.DataFrame(
        found.size.row(span(asked.question, first, first + earlier.width))
        for first, found in earlier.answers
    )
    p_value, dates = earlier.p_value, wording.counted(len(earlier.answers), "earlier date")
    if p_value <= 1 - asked.question.level + 1e-12:
        worst = table.loc[np.abs(earlier.statistics[0]).argmax()]
        status, finding = FAILED, (
            f"It was not as expected before the start: in {worst['label']} it was "
            f"{than_expected(asked.effect.scale.gap(worst['estimate']))} "
            f"({wording.p_value(p_value)} over {dates})."
        )  # fmt: skip
    else:
        drift = _noticed_drift(earlier)
        carried = drift * earlier.carried.sum()
        critical = critical_value(asked.effect.statistics[1:], asked.question.level)
        room = asked.effect.error * max(abs(asked.effect.statistic), critical)
        status = PASSED if carried <= room else UNSURE
        missed = "With so few placebos no drift of any size would have been found."
        if np.isfinite(drift):
            each, total = (asked.as_size(float(asked.shown(-size))) for size in (drift, carried))
            missed = (
                f"A steady fall by {each} every {asked.step_name} would have been noticed four "
                "times in five, a slower one less often; by itself that one would look like an "
                f"effect of {total}."
            )
        finding = f"It was as expected on {dates} ({wording.p_value(p_value)}). {missed}"
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest)


def undoing_violation(earlier: EarlierDates) -> CheckResult:
    """How large a violation would undo the finding, with the placebos' covariance.

    "passed" when steps as large as the largest one seen before the start would not undo it.
    """
    name, asked = "Size of violation that would undo it", earlier.asked
    if not earlier.answers or asked.effect.n_placebos < FEWEST_PLACEBOS:
        said = "There are too few earlier dates or placebos to say how large violations have been."
        return CheckResult(name, UNSURE, said)
    bounds, smooth = honest_bounds(earlier)
    status, finding = UNSURE, str(bounds.sentence())
    if bounds.breakdown:
        before, wide, bending = _steps(earlier).before, asked.step_name, ""
        largest = asked.effect.scale.gap(float(asked.shown(float(before[np.abs(before).argmax()]))))
        if np.isfinite(smooth.breakdown):
            bend = asked.as_size(float(asked.shown(smooth.breakdown)))
            bending = f"; so would a drift that changes by {bend} from one {wide} to the next"
        finding = (
            f"Before the start it moved away from the others by at most {largest} in one {wide}. "
            f"Moving {_share_in_words(bounds.breakdown)} in every {wide} after it would undo the "
            f"finding{bending}."
        )
        noticed = earlier.p_value <= 1 - asked.question.level + 1e-12
        status = PASSED if bounds.breakdown >= 1 else FAILED if noticed else UNSURE
    ends = bounds.table.assign(estimate=bounds.estimate)[["estimate", "low", "high"]]
    table = ends.apply(asked.shown)
    table.insert(0, "label", [VIOLATIONS[v] for v in bounds.table["violation"]])
    options = asked.forest | {"limits": _drawn(asked, bounds)}
    return CheckResult(name, status, finding, table, "draw_forest", options)


def honest_bounds(earlier: EarlierDates) -> tuple[honest.HonestBounds, honest.HonestBounds]:
    """Bounds by relative magnitudes and by smoothness, in units of effect (log, for counts)."""
    steps, level = _steps(earlier), earlier.asked.question.level
    bends = [violation * steps.error / 2 for violation in VIOLATIONS]
    magnitudes = honest.relative_magnitudes(steps, VIOLATIONS, level=level)
    return magnitudes, honest.smoothness(steps, bends, level=level)


def anticipation(earlier: EarlierDates) -> CheckResult:
    """Whether the effect was there in the half year before the start, as it would be had people
    acted early.

    "failed" when it was; "too little to tell" when one as large as that after the start could have
    been there. Only a move in the direction of the effect counts: a neighbourhood picked for
    looking worst looks worse than expected just before the start, and the estimate allows for that.
    """
    name, asked = "Anticipation", earlier.asked
    if not earlier.answers:
        said = "There are too few periods before the start to look for an early effect."
        return CheckResult(name, UNSURE, said)
    question, (first, early) = asked.question, earlier.answers[-1]
    last = first + earlier.width
    whole, size, smallest = asked.size, early.size, early.effect.smallest
    table = pd.DataFrame([size.row(span(question, first, last))])
    statistics = early.effect.statistics * np.sign(asked.effect.statistic)
    along = statistics[0] > 0
    strayed = (statistics >= statistics[0]).mean() if along else size.p_value
    seen = strayed <= 1 - question.level + 1e-12
    room = max(abs(whole.estimate), asked.effect.smallest)
    when = wording.capital(during(question, first, last))
    where = f"{when} it was {than_expected(asked.effect.scale.gap(size.estimate))}"
    if seen and along and whole.clear:
        status, rest = FAILED, "the effect, or what looks like it, began before the start"
    elif seen and along:
        status, rest = UNSURE, "with no clear effect after it, none can have begun early"
    elif seen:
        status, rest = PASSED, "that is the other way from the effect, as in places picked for "
        rest += "looking worst; the estimate allows for it"
    elif whole.clear and size.low <= whole.estimate <= size.high:
        status = UNSURE
        rest = "as large an effect as that after the start could have begun then, unseen"
    else:
        status = PASSED if whole.clear or smallest <= 2 * room else UNSURE
        sized = f"an early effect of {asked.as_size(smallest)}"
        rest = sized if np.isfinite(smallest) else "no early effect of any size"
        rest += " would have been found"
    finding = f"{where} ({early.effect.scale.within(size.low, size.high)}): {rest}."
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest)


def _noticed_drift(earlier: EarlierDates) -> float:
    """Steady step per half year, in units of effect, that the test would find with 80% power."""
    largest = np.abs(earlier.statistics[1:]).max(axis=1)
    critical = critical_value(largest, earlier.asked.question.level)
    if not np.isfinite(critical):
        return np.inf
    drifts = np.linspace(0, 1, 201) * 8 * earlier.errors.max()
    moved = np.abs(earlier.statistics[1:, None, :] + drifts[:, None] / earlier.errors)
    power = (moved.max(axis=2) > critical).mean(axis=0)
    return float(drifts[np.argmax(power >= POWER)]) if (power >= POWER).any() else np.inf


def _steps(earlier: EarlierDates) -> honest.Steps:
    """Errors at earlier dates and the estimate, with the covariance of the placebos' own."""
    asked = earlier.asked
    statistics = np.column_stack([earlier.statistics, asked.effect.statistics])
    errors = np.append(earlier.errors, asked.effect.error)
    among = statistics[1:].T @ statistics[1:] / (len(statistics) - 1) * np.outer(errors, errors)
    bends = np.ones(len(earlier.errors) + len(earlier.carried) - 1)
    return honest.Steps(statistics[0] * errors, among, earlier.carried, bends)


def _drawn(asked: Asked, bounds: honest.HonestBounds) -> tuple[float, float]:
    """Range of shown effects that a picture of the bounds has room for."""
    alone = bounds.table.iloc[0]
    half = max(alone["high"] - alone["low"], abs(bounds.estimate)) / 2
    ends = bounds.estimate - WIDEST_DRAWN * half, bounds.estimate + WIDEST_DRAWN * half
    low, high = (float(asked.shown(end)) for end in ends)
    return (-100.0, high) if asked.effect.multiplicative else (low, high)


def _share_in_words(share: float) -> str:
    """A multiple of how far it moved before: "3% as far", "1.4 times as far"."""
    if not np.isfinite(share):
        return "any number of times as far"
    if share < 1:
        return f"{wording.number(100 * share, 0 if share >= 0.01 else 1)}% as far"
    return f"{wording.number(share, 1)} times as far"
