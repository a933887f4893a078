"""The effect on one treated neighbourhood, with inference that is valid there, and what it warns of
as its data and its placebos show."""

import math

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.one_area.neighbourhoods import COUNT, find_groups, read_panel
from lsp_analysis.effects.one_area.placebo_rank import Judgement, false_positives, judge, too_many
from lsp_analysis.effects.parts import answers, described, paths_frame, sizes
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError
from lsp_analysis.study.question import Question

METHOD = "regression on the past, ranked among placebo neighbourhoods"
ASSUMPTIONS = (
    "Areas that looked the same before the start would have gone the same way without the "
    "programme.",
    "Nothing else that matters began in the neighbourhood alone at about the start.",
)
UNTOUCHED = {
    True: "Areas beyond the neighbours were not touched by the programme.",
    False: "No other area was touched by the programme.",
}
PERIODS = {"M": "month", "Q": "quarter", "Y": "year", "W": "week", "D": "day"}
FEWEST_BEFORE = 2  # dates: with one, regression to the mean cannot be told from an effect


@answers
def estimate(
    question: Question, *, checks: bool = True, placebos: np.ndarray | None = None
) -> EffectEstimate:
    """Effect of a programme on the neighbourhood it treated, ranked among placebo neighbourhoods.

    The outcome after the start is regressed on the level before it and on how far the last half
    year and the year and a half before that were above it, over placebo neighbourhoods: untreated
    areas, or groups of as many, beyond the ring of neighbours. How much areas move by chance, by
    their level, is learnt from their moves from year to year before the start and from the
    regression. The treated neighbourhood's distance from its expectation, in standard errors, is
    ranked among those of the placebos, each predicted without itself; the interval holds the
    effects that the ranking does not rule out. ``docs/method.md`` has the formulas.

    Parameters
    ----------
    question : Question
        Its kind decides the scale: for events, stocks, shares and rates effects multiply, for means
        they add.
    checks : bool
        Whether to measure the method's false positive rate at earlier dates of these data, and to
        hand over the regression as ``model``.
    placebos : bool array (B, n), optional
        Neighbourhoods to be ranked among, in place of those that `placebo_groups` finds.

    Returns
    -------
    EffectEstimate
        For events and stocks with a population, `estimate` is in events, or people, a period in the
        whole neighbourhood; for shares it is in points per `question.per`.

    Raises
    ------
    PanelError
        Fewer than two dates before the start, or no comparison left.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), JASA 105:493 (placebo ranks); Conley and Taber (2011),
    REStat 93:113, and Ferman and Pinto (2019), REStat 101:452 (few treated groups whose variance
    differs); Phipson and Smyth (2010), SAGMB 9:39 (p-values that are never zero).
    """
    question.need(before=FEWEST_BEFORE, comparisons=1)
    groups = find_groups(question, placebos)
    panel = read_panel(question)
    if not panel.differs(groups.members):
        raise PanelError(
            f"{question.label!r} is the same in all comparison areas before the start, or from it "
            "on, so nothing shows how far areas differ by chance. Check the column, and the "
            "periods it was measured in."
        )
    found = judge(panel, groups, question.level)
    alarms = false_positives(panel, groups, question.level) if checks else None
    unit, path_unit = _units(question)
    caution = ""
    if alarms is not None and too_many(alarms, question.level):
        caution = (
            f"On these data the method found an effect {wording.times(alarms.alarms)} in "
            f"{wording.number(alarms.trials)} trials at dates before anything began, and should "
            f"in about {100 * (1 - question.level):.3g}%: do not rely on its verdict alone."
        )
    told = _missing(question) | _placebos(question, found) | _reach(question, found)
    alike = question.neighbours is None or groups.beside
    compared = int((groups.members[1:].sum(axis=0) > 0).sum())
    comparator = _many(compared, "other area" if alike else "area")
    return EffectEstimate(
        **described(question) | {"unit": unit},
        method=METHOD,
        multiplicative=panel.multiplies,
        comparator=comparator if alike else f"{comparator} beyond its neighbours",
        inference=f"rank among {_many(groups.n_placebos, 'placebo neighbourhood')}",
        maryland=2 if question.at < question.cycle // 2 else 3,
        statistic=float(found.statistic[0]),
        error=float(found.error[0]),
        n_placebos=groups.n_placebos,
        n_disjoint=groups.disjoint,
        finest_p=1 / (groups.n_placebos + 1),
        p_value=found.p_value,
        false_alarms=alarms,
        assumptions=(*ASSUMPTIONS, UNTOUCHED[question.neighbours is not None]),
        warnings=tuple(caution for caution, applies in told.items() if applies),
        caution=caution,
        paths=_paths(question, found),
        path_unit=path_unit,
        placebos=_placebo_frame(question, found),
        model=found.model() if checks else None,
        **_sizes(question, found),
    )


def _many(count: int, noun: str) -> str:
    return f"{wording.number(count)} {noun}{'' if count == 1 else 's'}"


def _totals(question: Question) -> bool:
    """Whether amounts are totals a period in the whole neighbourhood, and not rates or means."""
    known = question.counted or question.population is None
    return question.kind in ("events", "stock") and known


def _units(question: Question) -> tuple[str, str]:
    """Units of the estimate and of the paths."""
    if not _totals(question):
        unit = question.indicator.unit or ("percent" if question.per == 100 else "")
        return unit, unit
    name = PERIODS.get(question.dates.freqstr.split("-")[0], "period")
    return f"a {name}" if question.kind == "events" else "", question.unit


def _sizes(question: Question, found: Judgement) -> dict[str, float]:
    """Effect, interval and smallest detectable effect, absolute and relative.

    Where effects multiply, absolute ones are what was observed less what it would have been without
    the effect, so that the interval rests on what is known and not on the expectation.
    """
    effect, low, high = found.effects
    periods = found.panel.total.shape[1] - question.at
    unit = periods if _totals(question) else found.exposure[0] / question.per
    observed, expected = found.observed[0] / unit, found.expected[0] / unit
    rise = question.polarity == "high_is_good"
    smallest = found.smallest(rise)
    if found.panel.multiplies:
        ends = [math.expm1(end) for end in (effect, low, high)]
        own = [observed - expected, *(_absolute(end, observed, expected) for end in (low, high))]
        least = abs(math.expm1(smallest if rise else -smallest))
        least = least if math.isfinite(smallest) else math.inf
        smallest = least * expected
    else:
        own = [effect, low, high]
        share = 1.0 if (found.panel.total >= 0).all() and expected > 0 else math.nan
        *ends, least = (share * size / expected for size in (*own, smallest))
    return sizes(*own, *ends, observed, expected, smallest, least)


def _absolute(effect: float, observed: float, expected: float) -> float:
    """A log ratio as a difference from what was observed, or expected where that was nothing."""
    if not math.isfinite(effect):
        return effect if effect > 0 or observed > 0 else -expected
    return -observed * math.expm1(-effect) if observed > 0 else expected * math.expm1(effect)


def _paths(question: Question, found: Judgement) -> pd.DataFrame:
    """Observed path of the neighbourhood beside its counterfactual, by date, as rates or values.

    The counterfactual moves as the placebos' areas do; its level is the neighbourhood's own before
    the start and its expectation after.
    """
    compared = np.asarray(found.groups.members[1:].sum(axis=0)).ravel() > 0
    own, others = question.level_of(question.treated), question.level_of(compared)
    wanted = question.per * found.expected[0] / found.exposure[0]
    before, after = others[: question.at], others[question.at :]
    seen = ~np.isnan(own[: question.at])
    level, usual = own[: question.at][seen].mean(), before[seen].mean()
    if found.panel.multiplies and usual > 0 and after.sum() > 0:
        path = np.append(before * level / usual, after * wanted / after.mean())
    else:
        path = np.append(before + level - usual, after + wanted - after.mean())
    return paths_frame(question, own, path)


def _placebo_frame(question: Question, found: Judgement) -> pd.DataFrame:
    """One row per placebo: its areas, apparent effect, statistic and standard error, and the effect
    on the treated one, a log ratio or a difference, were it left out of the regression."""
    members = found.groups.members
    unit = found.expected if found.panel.multiplies else found.exposure
    groups = np.split(members.indices, members.indptr[1:-1])[1:]
    return pd.DataFrame({
        "areas": [" ".join(map(str, question.areas[np.sort(group)])) for group in groups],
        "estimate": ((found.observed - found.expected) / unit)[1:],
        "statistic": found.statistic[1:],
        "error": found.error[1:],
        "without": found.effects[0] - found.pulls,
    })  # fmt: skip


FEW_EVENTS = 10
FAR = 0.5  # standard deviations of placebos' levels to the nearest of them
ALONE = 2.0  # times by which the critical placebo strays farther than the next
PULL = 0.25  # of the half-width of the interval, by which one area may move the expectation


def _missing(question: Question) -> dict[str, bool]:
    """Values that are missing, and a past that is short."""
    gaps = int((~question.known.all(axis=1) & ~question.treated).sum())
    left_out = wording.capital(wording.counted(gaps, "comparison area"))
    return {
        f"{left_out} with missing values {'was' if gaps == 1 else 'were'} left out.": gaps > 0,
        "Some of the treated areas' values are missing; the others stand for them.": (
            not question.known[question.treated].all()
        ),
        f"Only {wording.counted(question.at, 'period')} before the start, less than half a "
        "year: how bad the neighbourhood usually is can hardly be known, and its usual level "
        "may be taken for an effect.": question.at < question.cycle // 2,
    }


def _placebos(question: Question, found: Judgement) -> dict[str, bool]:
    """How many placebos there are, how they were found, and what they touch."""
    groups, alpha, near = found.groups, 1 - found.level, question.neighbours
    n, finest = groups.n_placebos, 1 / (groups.n_placebos + 1)
    too_near = abs(found.p_value - alpha) < found.margin
    verdict = f": too near {wording.number(alpha)} for a verdict" if too_near else ""
    return {
        "No neighbours were given: the comparison includes areas next door, which may share "
        "the effect, and placebos of several areas are not in one piece.": near is None,
        "The neighbours that were given join no two areas of the panel: the comparison may "
        "include areas next door, which may share the effect.": near is not None and not near.nnz,
        "The treated areas do not form one piece, and neither do the placebos.": (
            near is not None and not groups.contiguous
        ),
        "There are so few areas that the comparison includes those next door, which may share "
        "the effect.": groups.beside,
        f"With {wording.counted(n, 'placebo')} the smallest possible p-value is "
        f"{wording.number(finest)}: no effect of any size could be found at the "
        f"{100 * alpha:.3g}% level.": finest > alpha + 1e-9,
        f"The {wording.number(n)} placebos overlap; {wording.number(groups.disjoint)} share no "
        "area with one another.": groups.disjoint < n,
        "They are a sample of more that could not all be listed, so p is known to within "
        f"{wording.number(found.margin)}{verdict}.": not groups.listed,
    }


def _reach(question: Question, found: Judgement) -> dict[str, bool]:
    """Whether the expectation reaches beyond the placebos, rests on one, or on few events."""
    deciding, times = found.deciding
    levels = found.past.terms[:, 1]
    odd = int(np.argmax(np.abs(found.pulls)))
    half = found.critical / times * found.error[0]
    effect = found.effects[0] - float(found.pulls[odd])
    without = f"the difference would be {wording.number(effect)}"
    if found.panel.multiplies:
        gap = f"{wording.number(100 * abs(math.expm1(effect)), 0)}%"
        without = f"the outcome would be {gap} {'higher' if effect > 0 else 'lower'} than expected"
    return {
        "No comparison neighbourhood looked like this one before the start; what was expected is "
        "an extrapolation, and the interval is wider for it.": (
            np.abs(levels[1:] - levels[0]).min() > FAR * levels[1:].std() > 0
        ),
        f"One placebo, {_named(question, found, deciding)}, makes the interval "
        f"{wording.times(round(times, 1))} as wide as it would be without it.": times > ALONE,
        f"The estimate depends strongly on {_named(question, found, odd)}: without it {without}.": (
            abs(found.pulls[odd]) > PULL * half
        ),
        f"Only {wording.number(found.expected[0])} events were expected after the start: small "
        "counts say little.": found.panel.scale == COUNT and found.expected[0] < FEW_EVENTS,
    }


def _named(question: Question, found: Judgement, placebo: int) -> str:
    """Codes of a placebo's areas."""
    return wording.and_list(question.areas[found.groups.members[[placebo + 1]].indices])
