"""The effect on one treated neighbourhood, with inference that is valid there: one call for the
common case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import COUNTED, smallest_found
from lsp_analysis.effects.eligible import eligible_areas
from lsp_analysis.effects.given import check_level, check_seed, plain_codes
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.cautions import cautions_of, short_past
from lsp_analysis.effects.one_area.expectation import judge
from lsp_analysis.effects.one_area.false_alarms import count_false_alarms
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.placebo import PlaceboPool
from lsp_analysis.effects.one_area.windows import Ledger, read_ledger, start_position, treated_rows
from lsp_analysis.effects.options import positive
from lsp_analysis.effects.people import check_population
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import ParameterError

POLARITIES = ("low_is_good", "high_is_good", "none", "")
METHOD = "analysis of covariance on the past, ranked among placebo neighbourhoods"
ASSUMPTIONS = (
    "Areas that looked the same before the start would have gone the same way without the "
    "programme.",
    "Nothing else that matters began in the neighbourhood alone at about the start.",
)
UNTOUCHED = {
    True: "Areas beyond the neighbours were not touched by the programme.",
    False: "No other area was touched by the programme.",
}


def estimate(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: Sequence[str],
    start: pd.Period | str,
    population: str | None = None,
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    level: float = 0.95,
    seed: int = 0,
    checks: bool = True,
    unit: str = "",
    label: str = "",
    area: str = "",
    per: float = 1000,
    polarity: str = "",
    person_periods: bool = False,
) -> EffectEstimate:
    """Effect of a programme on the neighbourhood it treated, judged by what placebo neighbourhoods
    did.

    The outcome after the start is compared with what areas that looked the same before went on to
    do (analysis of covariance on the two years before and all earlier periods, and on the level
    next door), and with what came over areas just beyond its neighbours after the start, as far as
    placebos shared that. The neighbourhood's standardised difference is ranked among placebo
    neighbourhoods: contiguous groups of its size, outside the ring of its neighbours. Because the
    past is adjusted for, a neighbourhood that was picked for looking worst is not credited with the
    improvement that such areas show anyway (regression to the mean).

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Columns ``area_code``, ``period``, `outcome` and `population`.
    outcome : str
        A count of events when `population` is given and every value is a whole number; the effect
        is then multiplicative. Otherwise a mean, share or score, and the effect is additive.
    treated : list of str
        Area codes that make up the neighbourhood. Areas apart from each other are judged as one
        group.
    start : Period or str
        First period of the programme, counted as after.
    population : str, optional
        Column with the population at risk; for outcomes that are not counts, the weight.
    neighbours : DataFrame or pairs of area codes, optional
        Areas that share a boundary. Without them there is no spillover ring, and placebos of
        several areas are not contiguous: a warning says so.
    level : float between 0 and 1
        Coverage of the interval; the test is at ``1 - level``.
    seed : int
        For drawing placebo neighbourhoods of several areas.
    checks : bool
        Whether to measure the method's false-alarm rate on earlier placebo dates of this panel.
    unit : str
        Unit of the outcome, a unit code of the study folder or words, for sentences and charts.
    label : str
        The outcome in words, as it stands inside a sentence.
    area : str
        What the neighbourhood is called, in the key of the chart.
    per : float
        Population that the paths of a count are given per.
    polarity : str
        "low_is_good" or "high_is_good": sentences then say whether an effect is for the better,
        and the smallest effect that would have been found is a rise where a rise is good.
    person_periods : bool
        Whether the count is of person-periods (claimant-months, bed-days): the same people are
        counted again, so nothing is said of what chance alone would make of independent events.

    Returns
    -------
    EffectEstimate
        For counts, `estimate` is in events a period in the whole neighbourhood.

    Raises
    ------
    PanelError
        Fewer than two periods before `start`, none after, repeated rows, or no comparison left.
    AreaError
        A treated area is not in the panel.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), JASA 105:493 (placebo ranks); Conley and Taber (2011),
    REStat 93:113, and Ferman and Pinto (2019), REStat 101:452 (few treated groups, errors by
    population); Phipson and Smyth (2010) (p-values that are never zero).
    """
    check_level(level)
    check_seed(seed)
    per, person_periods = positive("per", per), bool(person_periods)
    if polarity not in POLARITIES:
        raise ParameterError(
            f'polarity={polarity!r} is not known: use "low_is_good" or "high_is_good", or leave it '
            "out."
        )
    check_population(outcome, population)
    ledger = read_ledger(
        panel, outcome=outcome, population=population, person_periods=person_periods
    )
    position = start_position(ledger, start)
    rows = treated_rows(ledger, plain_codes(treated))
    eligible, warnings = eligible_areas(ledger, rows, position, outcome)
    adjacency = placebo.adjacency_matrix(ledger.codes, neighbours)
    pool = placebo.draw_pool(rows, eligible=eligible, adjacency=adjacency, seed=seed)
    found = judge(ledger, pool, start=position)
    alarms = None
    if checks:
        alarms = count_false_alarms(
            ledger,
            rows,
            eligible=eligible,
            adjacency=adjacency,
            start=position,
            level=level,
            seed=seed,
        )
    warnings += cautions_of(
        ledger, pool, found, level=level, start=position, counted=COUNTED[person_periods]
    )
    return EffectEstimate(
        outcome=outcome,
        method=METHOD,
        level=level,
        unit=unit or _unit(ledger),
        label=label,
        area=area,
        multiplicative=ledger.counts,
        start=ledger.periods[position],
        polarity=polarity,
        comparator=_comparator(pool),
        inference=f"rank among {_many(pool.n_placebos, 'placebo neighbourhood')}",
        maryland=2 if short_past(ledger, position) else 3,
        statistic=float(found.statistic[0]),
        n_treated=int(rows.sum()),
        n_placebos=pool.n_placebos,
        n_disjoint=pool.n_disjoint,
        finest_p=1 / (pool.n_placebos + 1),
        p_value=placebo.rank_p_value(found.statistic[0], found.statistic[1:]),
        false_alarms=alarms,
        assumptions=(*ASSUMPTIONS, UNTOUCHED[pool.adjacency is not None]),
        warnings=tuple(warnings),
        paths=_paths(ledger, rows, pool.comparison, found, position, per),
        path_unit=_path_unit(ledger, unit, per),
        placebos=_placebo_frame(ledger, pool, found),
        **_sizes(ledger, found, position, level, rise=polarity == "high_is_good"),
    )


def _comparator(pool: PlaceboPool) -> str:
    """Whom the neighbourhood is compared with."""
    count = int(pool.comparison.sum())
    if pool.adjacency is None:
        return _many(count, "other area")
    return f"{_many(count, 'area')} beyond its neighbours"


def _many(count: int, noun: str) -> str:
    return f"{wording.number(count)} {noun}{'' if count == 1 else 's'}"


def _sizes(
    ledger: Ledger, found: Judgement, position: int, level: float, *, rise: bool
) -> dict[str, float]:
    """Effect, interval and smallest detectable effect, absolute and relative."""
    critical = placebo.critical_value(found.statistic[1:], level)
    detectable = smallest_found(found, critical, rise=rise)
    periods = len(ledger.periods) - position
    low, high = found.interval(critical)
    if ledger.counts:
        expected, observed = found.expected[0] / periods, found.total[0] / periods
        relative = [observed / expected - 1, np.expm1(low), np.expm1(high)]
        absolute = [share * expected for share in relative]
        smallest_relative = abs(np.expm1(detectable if rise else -detectable))
        smallest_relative = smallest_relative if np.isfinite(detectable) else np.inf
        smallest = smallest_relative * expected
    else:
        expected, observed = (x[0] / found.exposure[0] for x in (found.expected, found.total))
        absolute = [observed - expected, low, high]
        positive = bool((ledger.total >= 0).all()) and expected > 0
        relative = [size / expected if positive else np.nan for size in absolute]
        smallest = detectable
        smallest_relative = smallest / expected if positive else np.nan
    names = ("", "_low", "_high")
    sizes = dict(zip(("estimate", "low", "high"), map(float, absolute), strict=True))
    sizes |= {f"relative{name}": float(x) for name, x in zip(names, relative, strict=True)}
    return sizes | {
        "observed": float(observed),
        "counterfactual": float(expected),
        "smallest_effect": float(smallest),
        "smallest_relative": float(smallest_relative),
    }


def _unit(ledger: Ledger) -> str:
    """Words for how often counts are given: "a month"."""
    if not ledger.counts:
        return ""
    freq = (getattr(ledger.periods, "freqstr", None) or "").split("-")[0]
    names = {"M": "month", "Q": "quarter", "Y": "year", "W": "week", "D": "day"}
    return f"a {names.get(freq, 'period')}"


def _path_unit(ledger: Ledger, unit: str, per: float) -> str:
    """Words for the unit of the paths: "per 1,000 a month", "per cent a year"."""
    if not ledger.counts:
        return unit
    return f"{'per cent' if per == 100 else f'per {wording.number(per)}'} {_unit(ledger)}"


def _paths(
    ledger: Ledger,
    rows: np.ndarray,
    comparison: np.ndarray,
    found: Judgement,
    position: int,
    per: float,
) -> pd.DataFrame:
    """Observed path of the neighbourhood beside its counterfactual, by period.

    The counterfactual moves as the comparison areas do; its level is the neighbourhood's own before
    the start and its expectation after. Counts are per `per` people.
    """
    own, others = (
        ledger.total[which].sum(axis=0) / np.maximum(ledger.exposure[which].sum(axis=0), 1e-12)
        for which in (rows, comparison)
    )
    own = np.where(ledger.exposure[rows].sum(axis=0) > 0, own, np.nan)
    before, after = slice(0, position), slice(position, None)
    wanted = found.expected[0] / found.exposure[0]
    path = np.empty_like(others)
    usual = others[before][~np.isnan(own[before])].sum()
    if ledger.counts and usual > 0 and others[after].sum() > 0:
        path[before] = others[before] * np.nansum(own[before]) / usual
        path[after] = others[after] * wanted / others[after].mean()
    else:
        path[before] = others[before] + np.nanmean((own - others)[before])
        path[after] = others[after] + wanted - others[after].mean()
    multiplier = per if ledger.counts else 1
    return pd.DataFrame(
        {"period": ledger.periods, "treated": own * multiplier, "comparison": path * multiplier}
    )


def _placebo_frame(ledger: Ledger, pool: PlaceboPool, found: Judgement) -> pd.DataFrame:
    """One row per placebo neighbourhood: its areas, apparent effect and statistic."""
    with np.errstate(divide="ignore"):
        if ledger.counts:
            apparent = found.total / found.expected - 1
        else:
            apparent = (found.total - found.expected) / found.exposure
    names = [" ".join(map(str, ledger.codes[group])) for group in pool.members[1:]]
    return pd.DataFrame(
        {"areas": names, "estimate": apparent[1:], "statistic": found.statistic[1:]}
    )
