"""Was what was gained lost next door? Weighted displacement difference and quotient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lsp_analysis import figures, wording
from lsp_analysis.effects.checks.around import ask_ring, rings
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.effects.words import Size
from lsp_analysis.errors import ParameterError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.study.question import Question


@dataclass(frozen=True)
class DisplacementDifference(Shown):
    """Events prevented here and displaced next door, by counts alone.

    Attributes
    ----------
    table : DataFrame
        estimate, error, low, high (at `level`), counts being Poisson, by where: change in the
        programme area less that of its control; the same next door; both together. Below 0 events
        were prevented.
    total, total_error, low, high : float
        The row of both together.
    """

    table: pd.DataFrame = field(repr=False, compare=False)
    total: float
    total_error: float
    low: float
    high: float
    level: float = 0.95

    @property
    def z(self) -> float:
        """`total` in standard errors."""
        return self.total / self.total_error if self.total_error else math.nan

    def summary_frame(self) -> pd.DataFrame:
        """One row each for here, next door and both."""
        return self.table

    def sentence(self) -> wording.Sentence:
        """The net change in one line."""
        within = wording.interval(self.low, self.high, "events", self.level, of_change=True)
        here, next_door = map(_more_or_fewer, self.table["estimate"].iloc[:2])
        return wording.Sentence(
            f"Here and next door together, events {wording.change(self.total)} against their "
            f"controls ({within}): {here} here and {next_door} next door."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The change here, next door and in both, with intervals at `level`."""
        frame = self.table.drop(columns="error").reset_index(names="label")
        return figures.draw_forest(frame, unit="events", level=self.level, ax=ax)


def weighted_displacement_difference(
    treated: Sequence[float],
    control: Sequence[float],
    displacement: Sequence[float] = (0, 0),
    displacement_control: Sequence[float] = (0, 0),
    *,
    times: Sequence[float] = (1, 1),
    sizes: Sequence[float] = (1, 1, 1, 1),
    level: float = 0.95,
) -> DisplacementDifference:
    """Weighted displacement difference of Wheeler and Ratcliffe (2018), Crime Science 7:11.

    Parameters
    ----------
    treated, control, displacement, displacement_control : pairs of counts
        Before and after.
    times : pair
        What counts before and after are divided by, for example years.
    sizes : four numbers
        What counts of each area are divided by, in the order of the first four parameters.

    Raises
    ------
    ParameterError
        Counts below 0, not in pairs, or to be divided by nothing.
    """
    counts = np.array([treated, control, displacement, displacement_control], dtype=float)
    if counts.shape != (4, 2) or (counts < 0).any():
        raise ParameterError(
            "Each area needs a count before and one after, 0 or more: "
            f"got {treated}, {control}, {displacement} and {displacement_control}."
        )
    scale = np.asarray(times, dtype=float) * np.asarray(sizes, dtype=float)[:, None]
    if not (scale > 0).all():
        raise ParameterError(f"times and sizes must be above 0, not {times} and {sizes}.")
    change = np.diff(counts / scale, axis=1)[:, 0]
    variance = (counts / scale**2).sum(axis=1)
    local, displaced = change[0] - change[1], change[2] - change[3]
    table = pd.DataFrame(
        {
            "estimate": [local, displaced, local + displaced],
            "error": np.sqrt([variance[:2].sum(), variance[2:].sum(), variance.sum()]),
        },
        index=pd.Index(["programme area", "next door", "both"], name="where"),
    )
    half = float(ndtri(0.5 + level / 2)) * table["error"]
    table = table.assign(low=table["estimate"] - half, high=table["estimate"] + half)
    return DisplacementDifference(table, *map(float, table.loc["both"]), level)


def displacement_quotient(
    treated: Sequence[float], displacement: Sequence[float], control: Sequence[float]
) -> float:
    """Weighted displacement quotient of Bowers and Johnson (2003), J. Quant. Criminology 19:275.

    Each pair holds counts before and after. Below -1 more was displaced than gained; from -1 to 0
    part of the gain was; above 0 the gain spread. Missing where nothing was gained.
    """
    (before, after), (near_before, near_after), (far_before, far_after) = (
        map(float, pair) for pair in (treated, displacement, control)
    )
    if not (far_before > 0 and far_after > 0):
        return math.nan
    gained = after / far_after - before / far_before
    if gained >= 0:
        return math.nan
    return (near_after / far_after - near_before / far_before) / gained


def displacement(asked: Asked) -> CheckResult:
    """Whether gains here stand once the areas next door are counted with it.

    The neighbourhood, the areas next door and both together are judged against their expectations,
    so that regression to the mean is allowed for; the plain weighted displacement difference and
    quotient, which do not allow for it, are given beside them, the former without its interval for
    stocks, which are no Poisson counts.
    """
    name, question = "Displacement", asked.question
    counts = asked.effect.multiplicative and question.counted
    if not counts or question.neighbours is None:
        why = "no neighbours were given" if counts else "the outcome is not a count"
        said = f"Displacement was not looked for: {why}."
        return CheckResult(name, UNSURE, said)
    near = next((areas for _, areas, _ in rings(question)), None)
    both = near if near is None else near | question.treated
    judged = [near is not None and ask_ring(asked, areas, both) for areas in (near, both)]
    if not all(judged):
        said = "There are too few areas beyond those next door to compare with."
        return CheckResult(name, UNSURE, said)
    next_door, together = judged
    plain, quotient = _plain(question, near)
    ends = {} if question.kind == "stock" else {"low": plain.low, "high": plain.high}
    table = pd.DataFrame(
        [
            _events(asked, "This neighbourhood"),
            _events(next_door, f"The {wording.counted(int(near.sum()), 'area')} next door"),
            _events(together, "Both together"),
            {"label": "Both, by counts alone (WDD)", "estimate": plain.total, **ends},
        ]
    )
    here = asked.size
    status, rest = _judged(here, next_door.size, together.size)
    amounts = [_more_or_fewer(round(x)) for x in table["estimate"][:3]]
    told = (
        f"Since the start {amounts[0]} {asked.counted} than expected here, {amounts[1]} next door, "
        f"{amounts[2]} together. {rest}"
    )
    if here.clear and not math.isnan(quotient):
        told += (
            f" (By counts alone the displacement quotient is {wording.number(quotient, 2)}; below "
            "−1 more moved than was gained.)"
        )
    unit = f"{wording.capital(asked.counted)} since the start"
    options = {"unit": unit, "level": question.level}
    return CheckResult(name, status, told, table, "draw_forest", options)


def _judged(here: Size, there: Size, net: Size) -> tuple[str, str]:
    """Status and reason from the effect here, next door, and both together."""
    if there.clear and there.estimate * here.estimate < 0:
        return FAILED, "Next door it went the other way: part of the effect may have moved there."
    if not here.clear:
        return UNSURE, "With no clear effect here there is nothing to ask after next door."
    if net.clear and net.estimate * here.estimate > 0:
        return PASSED, "The effect stands with the areas next door counted in."
    return UNSURE, "With the areas next door counted in, the effect is no longer clear."


def _events(asked: Asked, label: str) -> dict[str, object]:
    """Events above or below expectation, with the interval of the effect."""
    found, expected = asked.effect, asked.expected_total
    ends = (found.relative, found.relative_low, found.relative_high)
    names = ("estimate", "low", "high")
    return {"label": label} | dict(zip(names, (expected * end for end in ends), strict=True))


def _more_or_fewer(events: float) -> str:
    return f"{wording.number(abs(events))} {'more' if events > 0 else 'fewer'}"


def _plain(question: Question, near: np.ndarray) -> tuple[DisplacementDifference, float]:
    """Weighted displacement difference and quotient over equally long times before and after.

    Controls are the comparison areas, scaled to start level with what they are compared with.
    """
    times = question.event_time
    length = min(-times[0], times[-1] + 1)
    windows = (times >= -length) & (times < 0), (times >= 0) & (times < length)
    pairs = [
        tuple(float(question.total[areas][:, when].sum()) for when in windows)
        for areas in (question.treated, near, question.comparison)
    ]
    here, there, control = pairs
    level_with_it = (max(control[0], 0.5) / max(pair[0], 0.5) for pair in (here, there))
    sizes = [size for scale in level_with_it for size in (1, scale)]
    plain = weighted_displacement_difference(
        here, control, there, control, sizes=sizes, level=question.level
    )
    return plain, displacement_quotient(here, there, control)
