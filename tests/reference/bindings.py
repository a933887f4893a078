"""Which public function answers each method of ``METHODS.md``: names and shapes, no arithmetic.

`answer` is what the reference numbers are run through. A new capability adds its functions with
``@binds``; a method whose capability is not there yet is listed in `AWAITED`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize
from statsmodels.stats.stattools import durbin_watson

from lsp_analysis import Question
from lsp_analysis.disclosure import deduction, profiles
from lsp_analysis.effects import did, interrupted_series, two_way_regression
from lsp_analysis.experiments.analysis import boundaries as sequential
from lsp_analysis.experiments.analysis.randomisation_test import redraws
from lsp_analysis.experiments.draw import methods as schemes
from lsp_analysis.experiments.power import formulas as closed_form
from lsp_analysis.experiments.power import formulas as wedge
from lsp_analysis.experiments.power import past as icc
from lsp_analysis.standing.change import process, trends
from lsp_analysis.standing.comparison import exact, funnels, intervals, measured, verdict
from lsp_analysis.standing.inequality import gradient, life, space
from lsp_analysis.study import areas
from lsp_analysis.study.indicator import Indicator

Inputs = dict[str, Any]
BINDINGS: dict[str, Callable[[Inputs], Inputs]] = {}
LEVELS = {"95": 0.95, "998": 0.998}

AWAITED: set[str] = set()


def answer(method: str, inputs: Inputs) -> Inputs:
    """The package's answer to one reference case; missing and endless numbers are None."""
    return _plain(BINDINGS[method](inputs))


def _number(value: float | None) -> float:
    """A number, or NaN for none."""
    return math.nan if value is None else float(value)


def _given(inputs: Inputs, key: str, default: Any) -> Any:
    """An input that a case may leave out."""
    value = inputs.get(key)
    return default if value is None else value


def _test_aims(inputs: Inputs) -> Inputs:
    """Size and power of a test, with the usual ones for those left out."""
    return {"alpha": _given(inputs, "alpha", 0.05), "power": _given(inputs, "power", 0.8)}


def binds(*methods: str) -> Callable[[Callable], Callable]:
    """Register a function as the answer to one or more methods."""

    def register(function: Callable) -> Callable:
        BINDINGS.update(dict.fromkeys(methods, function))
        return function

    return register


def _plain(value: Any) -> Any:
    """Numbers, text, lists and dicts only, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | pd.Series):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _at_both_levels(make: Callable[[float], pd.DataFrame], columns: dict[str, str]) -> Inputs:
    """Single-row tables at both levels, as ``lower95`` and so on."""
    answers: Inputs = {}
    for end, level in LEVELS.items():
        row = make(level).iloc[0]
        answers |= {f"{name}{end}": row[column] for name, column in columns.items()}
    return answers


LIMITS = {"lower": "low", "upper": "high"}


# Rates and means


def _counted(count: float, people: float, value_type: str, multiplier: float) -> Inputs:
    """A value with the limits that rows of a panel get."""
    indicator = Indicator("x", "X", f"per_{multiplier:g}", value_type, multiplier, "low_is_good")
    panel = pd.DataFrame({"numerator": [count], "denominator": [people]})
    panel["value"] = multiplier * panel["numerator"] / panel["denominator"]

    def table(level: float) -> pd.DataFrame:
        low, high = intervals.row_limits(panel, indicator=indicator, level=level)
        return panel.assign(low=low, high=high)

    return {"value": panel["value"][0], **_at_both_levels(table, LIMITS)}


@binds("rate_byars_exact")
def _crude_rate(i: Inputs) -> Inputs:
    return _counted(i["obs"], i["pop"], "rate", 100_000.0)


@binds("proportion_wilson")
def _proportion(i: Inputs) -> Inputs:
    return _counted(i["x"], i["n"], "proportion", 100.0)


@binds("mean_student_t")
def _mean(i: Inputs) -> Inputs:
    values = pd.Series(i["values"], dtype=float)
    row = {"value": values.mean(), "stdev": values.std()}

    def table(level: float) -> pd.DataFrame:
        low, high = intervals.mean_limits(*row.values(), len(values), level=level)
        return pd.DataFrame({"low": [low], "high": [high]})

    return row | _at_both_levels(table, LIMITS)


@binds("dsr_dobson")
def _dsr(i: Inputs) -> Inputs:
    standard = _given(i, "stdpop", measured.ESP2013)
    made = measured.directly_standardised([i["obs"]], [i["pop"]], standard=standard)
    rows = pd.DataFrame(made)
    dsr = Indicator("x", "X", "per_100000", "rate", 100_000.0, "low_is_good")

    def table(level: float) -> pd.DataFrame:
        low, high = intervals.group_limits(rows, indicator=dsr, level=level)
        return rows.assign(low=low, high=high)

    limits = _at_both_levels(table, LIMITS)
    return {"total_count": rows["events"][0], "value": rows["value"][0], **limits}


@binds("isr")
def _isr(i: Inputs) -> Inputs:
    def table(level: float) -> pd.DataFrame:
        columns = (i[name] for name in ("obs", "pop", "ref_obs", "ref_pop"))
        return exact.indirectly_standardised(*columns, level=level)

    row = table(0.95).iloc[0]
    columns = {
        f"{kind}_{name}": f"{kind}_{c}" for kind in ("ratio", "rate") for name, c in LIMITS.items()
    }
    values = {name: row[name] for name in ("observed", "expected", "ratio", "rate")}
    return {**values, "ref_rate": row["reference_rate"], **_at_both_levels(table, columns)}


@binds("life_expectancy_chiang")
def _life_expectancy(i: Inputs) -> Inputs:
    table = life.life_expectancy(i["startage"], i["deaths"], i["pops"])
    return {"le": table["value"], "lower95": table["low"], "upper95": table["high"]}


@binds("empirical_bayes_global")
def _empirical_bayes(i: Inputs) -> Inputs:
    return {"rate": intervals.empirical_bayes(i["events"], i["population"])}


# Comparisons


@binds("benchmark_rag_single_ci")
def _benchmark(i: Inputs) -> Inputs:
    word = exact.judge(
        *(_number(i[name]) for name in ("lower95", "upper95")),
        benchmark=_number(i["benchmark"]),
        polarity=_polarity(i.get("polarity")),
    )
    return {"outcome": str(word)}


@binds("gap_proportions")
def _gap_proportions(i: Inputs) -> Inputs:
    found = exact.compare_proportions(i["x1"], i["n1"], i["x2"], i["n2"])
    names = {"difference": "diff", "ratio": "ratio"}
    ends = {"": "", "_low": "_lo", "_high": "_hi"}
    return {f"{names[n]}{ends[e]}": found[f"{n}{e}"] for n in names for e in ends}


@binds("gap_rates")
def _gap_rates(i: Inputs) -> Inputs:
    groups = (i["x1"], i["t1"], i["x2"], i["t2"])
    ratio, *score = exact.ratio_of_rates(*groups)
    _, *wald = exact.ratio_of_rates(*groups, method="wald-log")
    ends = ("score_lo", "score_hi", "waldlog_lo", "waldlog_hi")
    return {"rate_ratio": ratio, **dict(zip(ends, score + wald, strict=True))}


@binds("rate_ratio_exact")
def _rate_ratio_exact(i: Inputs) -> Inputs:
    (x1, x2), (t1, t2) = i["x"], i["T"]
    found = exact.compare_rates([x1], [t1], [x2], [t2])
    ratio, low, high = (float(found[name][0]) for name in ("ratio", "ratio_low", "ratio_high"))
    return {"rate_ratio": ratio, "p": exact.exact_rate_test(x1, t1, x2, t2), "ci": [low, high]}


@binds("p_adjust")
def _p_adjust(i: Inputs) -> Inputs:
    return {method: verdict.adjust_p(i["p"], method=method) for method in ("bh", "holm", "by")}


@binds("quantiles_phe")
def _quantiles(i: Inputs) -> Inputs:
    return {"quantile": verdict.quantiles(i["v"], 5)}


# Funnels


@binds("funnel_proportion_limits")
def _funnel_limits(i: Inputs) -> Inputs:
    limits = funnels.proportion_limits(i["n"], i["average"]).iloc[0]
    return limits[list(funnels.LIMIT_COLUMNS)].to_dict()


@binds("funnel_ratio_limits")
def _funnel_ratio_limits(i: Inputs) -> Inputs:
    limits = funnels.expected_at_limits(i["obs"]).iloc[0]
    names = ("lower_2s_exp", "upper_2s_exp", "lower_3s_exp", "upper_3s_exp")
    return dict(zip(names, limits[list(funnels.LIMIT_COLUMNS)], strict=True))


@binds("funnel_ratio_significance")
def _funnel_ratio(i: Inputs) -> Inputs:
    return {"significance": str(funnels.classify_ratios(i["obs"], i["expected"])[0])}


@binds("funnel_proportion_significance")
def _funnel_proportion(i: Inputs) -> Inputs:
    return {"significance": funnels.classify_proportions(i["num"], i["den"])}


@binds("funnel_rate_significance")
def _funnel_rate(i: Inputs) -> Inputs:
    return {"significance": funnels.classify_rates(i["obs"], i["pop"])}


# Inequality and space


def _slope_index(i: Inputs, **keywords: Any) -> Inputs:
    found = gradient.slope_index(i["population"], i["value"], **keywords)
    return {
        "sii": found.sii,
        "rii": found.rii,
        "sii_lower_sim": found.sii_low,
        "sii_upper_sim": found.sii_high,
        "rii_lower_sim": found.rii_low,
        "rii_upper_sim": found.rii_high,
    }


@binds("sii_normal")
def _sii_normal(i: Inputs) -> Inputs:
    i = _in_order(i)
    return _slope_index(
        i, se=i.get("se"), limits=(i["lower95"], i["upper95"]) if "lower95" in i else None
    )


@binds("sii_rate_log")
def _sii_log(i: Inputs) -> Inputs:
    i = _in_order(i)
    return _slope_index(i, limits=(i["lower95"], i["upper95"]), transform="log")


def _in_order(i: Inputs) -> Inputs:
    """Groups from the most deprived, which are numbered from 1, to the least."""
    columns = ("quantile", "population", "value", "se", "lower95", "upper95")
    given = pd.DataFrame({name: i[name] for name in columns if i.get(name) is not None})
    ordered = given.sort_values("quantile") if "quantile" in given else given
    return {name: ordered[name].to_numpy() for name in ordered}


@binds("sii_proportion_logit")
def _sii_logit(i: Inputs) -> Inputs:
    # The cases give per cent, the function takes shares.
    i = _in_order(i)
    shares = {name: np.divide(i[name], 100) for name in ("value", "lower95", "upper95")}
    limits = shares["lower95"], shares["upper95"]
    return _slope_index({**i, **shares}, limits=limits, transform="logit", multiplier=-100)


@binds("segregation")
def _segregation(i: Inputs) -> Inputs:
    found = space.segregation(i["group"], i["total"])
    return found.rename({"dissimilarity": "dissim"}).to_dict()


# Areas of a 3 x 3 grid, in rows, that share an edge.
ROOK = {0: (1, 3), 1: (0, 2, 4), 2: (1, 5), 3: (0, 4, 6), 4: (1, 3, 5, 7), 5: (2, 4, 8)}
ROOK |= {6: (3, 7), 7: (4, 6, 8), 8: (5, 7)}


@binds("moran")
def _moran(i: Inputs) -> Inputs:
    pairs = [(own, other) for own, others in ROOK.items() for other in others]
    neighbours = pd.DataFrame(pairs, columns=["area_code", "neighbour_code"])
    found = space.moran(pd.Series(i["y"], dtype=float), neighbours, permutations=0)
    return {
        "I": found.value,
        "EI": found.expected,
        "VI_norm": found.variance,
        "z_norm": found.z,
        "p_norm": found.p_value,
        "local_I": found.local["local_i"],
        "quadrant": found.local["quadrant"],
    }


# Trends


@binds("xmr_plot_the_dots")
def _xmr(i: Inputs) -> Inputs:
    rebase = _given(i, "rebase_at_point", [])
    points = process.xmr(
        i["y"],
        direction=_given(i, "improvement_direction", 1),
        rebase_at=rebase if isinstance(rebase, list) else [rebase],
        fix_after=i.get("fix_after_n_points"),
        screen_outliers=_given(i, "screen_outliers", True),
    )
    return {name: points[name] for name in ("mean", "lpl", "upl", "type", "point_type")}


@binds("trend_fingertips_synthetic", "trend_fingertips_published")
def _recent_trend(i: Inputs) -> Inputs:
    columns = {"value": i["value"], "low": i["lower95"], "high": i["upper95"]}
    series = pd.DataFrame(columns, dtype=float)
    series["period"] = pd.period_range("2001", periods=len(series), freq="Y")
    found = trends.recent_trend(series, polarity=_polarity(i.get("polarity")))
    return {
        "slope": found.slope,
        "se": found.se,
        "chi2": found.chi_squared,
        "no_outlier": found.all_of_one_sign,
        "marker": found.marker,
        "published_marker": found.label,
    }


def _polarity(text: str | None) -> str:
    """A polarity by whichever words its publisher has for it ("RAG - Low is good")."""
    words = (text or "").lower().replace("_", " ").split()
    if "high" in words:
        return "high_is_good"
    return "low_is_good" if "low" in words else "none"


@binds("chi2_trend_proportions")
def _chi_squared_trend(i: Inputs) -> Inputs:
    chi_squared, p = trends.chi_squared_trend(i["x"], i["n"])
    return {"chisq": chi_squared, "p": p}


# Names and disclosure


@binds("area_name_match")
def _area_name_match(i: Inputs) -> Inputs:
    return {"match": areas.fold_name(i["a"]) == areas.fold_name(i["b"])}


@binds("nhs_small_numbers")
def _shown(i: Inputs) -> Inputs:
    return {"shown": profiles.shown_count(i["count"])}


@binds("suppression_audit")
def _suppression_audit(i: Inputs) -> Inputs:
    hidden = [tuple(cell) for cell in i["suppressed"]]
    found = deduction.feasible_intervals(
        i["table"], hidden, margins_published=_given(i, "margins_published", True)
    )
    return {"intervals": {f"{row},{column}": ends for (row, column), ends in found.items()}}


# Effects


@binds("did_cluster")
def _did_cluster(inputs: Inputs) -> Inputs:
    rows = pd.DataFrame(inputs["rows"])
    start = rows.loc[rows["post"] == 1, "period"].min()
    marked = rows.assign(treatment=rows["treat"] * rows["post"])
    cells = two_way_regression(
        marked, "y", ["treatment"], labels=("treat", "post"), errors="area"
    ).coefficients.loc["treatment"]
    asked = Question.from_frame(
        rows.assign(area_code=rows["area"], period=2000 + rows["period"]), "y", "treat",
        2000 + start,
    )  # fmt: skip
    effects = did(asked, inference="clustered")
    return {
        "did_2x2": cells["estimate"],
        "se_cl_2x2": cells["se"],
        "did_twfe": effects.estimate,
        "se_cl_twfe": effects.error,
    }


@binds("its_newey_west")
def _its_newey_west(inputs: Inputs) -> Inputs:
    # The first month changed has as many before it as `change_after`.
    y, start = inputs["y"], inputs["change_after"]
    months = pd.period_range("2000-01", periods=len(y), freq="M")
    series = pd.DataFrame({"area_code": "A", "period": months, "y": y})
    asked = Question.from_frame(series, "y", ["A"], months[start])
    plain, robust = (interrupted_series(asked, harmonics=0, lags=lags) for lags in (None, 3))
    n, k = robust.model.model.exog.shape  # our errors are corrected for small samples, these not
    return {
        "coef": plain.coefficients["estimate"],
        "se_ols": plain.coefficients["se"],
        "se_nw_lag3": robust.coefficients["se"] * np.sqrt((n - k) / n),
        "dw": durbin_watson(plain.model.resid),
    }


# Design of experiments


@binds("design_effect")
def _design_effect(i: Inputs) -> Inputs:
    m, icc_ = i["m"], i["icc"]
    return {
        "deff_equal": closed_form.design_effect(m, icc_),
        "deff_cv": closed_form.design_effect(m, icc_, _given(i, "cv", 0.0)),
    }


@binds("sample_size_two_group")
def _sample_size(i: Inputs) -> Inputs:
    """People per group at which the package's power reaches the aim, each a cluster of one."""
    aims = _test_aims(i)
    sd, effect = _given(i, "sd", 1.0), i.get("delta")
    if i.get("p1") is not None:
        return {"n": closed_form.sample_size(i["p1"], i["p2"], **aims)}
    n = optimize.brentq(
        lambda n: (
            closed_form.cluster_power(
                abs(effect), sd=sd, clusters=n, m=1, icc=0, alpha=aims["alpha"]
            )
            - aims["power"]
        ),
        2,
        1e7,
    )
    return {"n": n}


@binds("mde_cluster_proportion")
def _smallest_difference(i: Inputs) -> Inputs:
    sizes = {"m": i["m"], "icc": i["icc"]}
    clusters = i["clusters_per_arm"]
    aims = _test_aims(i)
    known = {"sd": math.sqrt(i["p0"] * (1 - i["p0"])), "clusters": clusters, "normal": True}
    smallest = closed_form.smallest_effect(
        lambda d: closed_form.cluster_power(d, alpha=aims["alpha"], **known, **sizes),
        power=aims["power"],
        largest=10.0,
    )
    return {
        "deff": closed_form.design_effect(**sizes),
        "n_eff_per_arm": clusters * i["m"] / closed_form.design_effect(**sizes),
        "mde_pp_null_variance": 100 * smallest,  # in percentage points
    }


@binds("icc_anova")
def _icc(i: Inputs) -> Inputs:
    found = icc.icc_anova(i["groups"])
    return {"icc_anova": found.icc, "msb": found.between, "msw": found.within, "n0": found.n0}


@binds("stepped_wedge_power")
def _stepped_wedge(i: Inputs) -> Inputs:
    is_share = (
        _given(i, "distn", "binomial" if i.get("sigma") is None else "gaussian") == "binomial"
    )
    middle = (i["mu0"] + i["mu1"]) / 2
    sigma = math.sqrt(middle * (1 - middle)) if is_share else i["sigma"]
    power = wedge.wedge_power(
        i["mu1"] - i["mu0"],
        wedge.wedge(i["clusters_per_step"]),
        sigma=sigma,
        tau=_given(i, "tau", 0.0),
        n=i["n_per_cluster_period"],
        alpha=_test_aims(i)["alpha"],
        normal=True,
    )
    return {"power": power}


@binds("group_sequential_bounds")
def _bounds(i: Inputs) -> Inputs:
    """Pocock's and O'Brien and Fleming's constants, from the package's chances of crossing."""
    times = np.arange(1, int(i["K"]) + 1) / int(i["K"])
    shape = np.ones(len(times)) if _kind_of_bound(i["kind"]) == "pocock" else 1 / np.sqrt(times)
    alpha = _test_aims(i)["alpha"]
    c = optimize.brentq(
        lambda c: sequential.crossing_chances(c * shape, times).sum() - alpha, 1.0, 6.0, xtol=1e-9
    )
    return {"c": c, "z_bounds": tuple(c * shape)}


def _kind_of_bound(name: str) -> str:
    """ "pocock", or O'Brien-Fleming by whichever spelling."""
    return "pocock" if name.lower().startswith("p") else "obrien_fleming"


@binds("randomisation_inference")
def _randomisation(i: Inputs) -> Inputs:
    if i.get("pair_differences") is not None:
        return _tested(_paired_test(i["pair_differences"]))
    return _tested(_arm_test(i))


def _tested(found: Any) -> Inputs:
    return {
        "diff": found.estimate,
        "mean": found.estimate,  # of the differences, where there are pairs
        "n_assignments": found.n_allocations,
        "p_two_sided_abs": found.p_value,
        "p_lower": found.p_lower,
        "scipy_p_two_sided_doubled": min(1.0, 2 * min(found.p_lower, found.p_upper)),
    }


def _arm_test(i: Inputs) -> Any:
    """Complete draws, or within blocks, or of whole clusters; blocks count by their size."""
    size = len(i["y"])
    rows = pd.DataFrame({"cluster": _given(i, "cluster", range(size))})
    rows["block"] = _given(i, "block", 0)
    rows["arm"] = np.isin(np.arange(size), i["treated_index"]).astype(int)
    units = rows.groupby("cluster", sort=False).first()
    blocks = pd.factorize(units["block"])[0]
    names = tuple(map(str, units.index))
    scheme = schemes.Permuted(names, ("control", "treated"), blocks, units["arm"].to_numpy())
    cell = pd.factorize(rows["cluster"])[0]
    share = rows.groupby("block")["arm"].transform("mean")
    return redraws(
        scheme,
        scheme.labels,
        exposure=[0, 1],
        cell_unit=cell,
        adjust=np.eye(len(set(blocks)))[blocks[cell]],
        weights=1 / (share * (1 - share)),
        statistic="difference",
    ).test(np.array(i["y"], float))


def _paired_test(differences: list[float]) -> Any:
    """Pairs as blocks of two: the second of each pair is treated and shows the difference."""
    pairs = np.repeat(np.arange(len(differences)), 2)
    scheme = schemes.blocked_scheme(map(str, range(len(pairs))), "ct", blocks=pairs)
    values = np.column_stack([np.zeros(len(differences)), differences]).ravel()
    dummies = np.eye(len(differences))[pairs]
    return redraws(scheme, scheme.labels, exposure=[0, 1], adjust=dummies).test(values)
