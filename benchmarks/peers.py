"""What people would use instead of `estimate`, on the same boroughs; and matching on noise.

Four worlds of ``worlds.csv``, without an effect and with a fall of a quarter; yearly means of log
rates for all peers but the count regression. Printed per method: false positives, coverage where it
has an interval, power, seconds a borough, and lines of user code in this file. ``--trap`` prints
instead how often each rejects where areas differ in their means alone and the treated one's is
apart (Illenberger, Small and Shaw 2020, Epidemiology 31:815): the placebo test of a synthetic
control matches on noise there.

    OMP_NUM_THREADS=1 python benchmarks/peers.py --sims 100
    OMP_NUM_THREADS=1 python benchmarks/peers.py --sims 200 --trap
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import time
import warnings
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats
from worlds import read_worlds

from lsp_analysis import Question, estimate

WORLDS = ("plain", "30 areas share", "worst are volatile", "convergence")
FALL, ALPHA = -0.25, 0.05 + 1e-9
Found = tuple[float, float, float]  # p, and the interval of the log ratio


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, simulate, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=100, help="boroughs a world")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="methods whose names hold this text")
    parser.add_argument("--trap", action="store_true", help="the matching-on-noise trap instead")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    methods = {name: method for name, method in METHODS.items() if options.only in name}
    look = trap if options.trap else worlds
    rows = look(options.sims, options.seed, methods)
    print(pd.DataFrame(rows).to_string(index=False))


def worlds(sims: int, seed: int, methods: dict) -> list[dict[str, object]]:
    """A row per world and method."""
    rows = []
    for world in (one for one in read_worlds() if one.name in WORLDS):
        for name, method in methods.items():
            found, began = {}, time.perf_counter()
            for fall in (0.0, FALL):
                asked = [world.simulate(seed * 1_000_003 + i, fall) for i in range(sims)]
                found[fall] = np.array([quietly(method, one) for one in asked], dtype=float)
            seconds = (time.perf_counter() - began) / sims / 2
            truth = np.log1p(FALL)
            covered = (found[FALL][:, 1] <= truth) & (truth <= found[FALL][:, 2])
            rows.append(
                {
                    "world": world.name,
                    "method": name,
                    "false positives": round(100 * (found[0.0][:, 0] <= ALPHA).mean(), 1),
                    "coverage": round(100 * covered.mean(), 1),
                    "power": round(100 * (found[FALL][:, 0] <= ALPHA).mean(), 1),
                    "seconds": round(seconds, 2),
                    "lines": len(inspect.getsource(method).splitlines()) - 2,
                }
            )
    return rows


def trap(sims: int, seed: int, methods: dict) -> list[dict[str, object]]:
    """A row per length of the past, autocorrelation and distance of the treated one's mean."""
    rows = []
    for before, keep, apart in product((4, 10), (0.0, 0.5), (1.0, 2.0)):
        asked = {n: m for n, m in methods.items() if m in (by_estimate, by_synthetic)}
        rejected = dict.fromkeys(asked, 0)
        for number in range(sims):
            rng = np.random.default_rng([seed, number, before, int(10 * keep), int(apart)])
            noise = rng.standard_normal((40, before + 1))
            for at in range(1, before + 1):
                noise[:, at] = keep * noise[:, at - 1] + np.sqrt(1 - keep**2) * noise[:, at]
            treated, dates = (
                np.arange(40) == 0,
                pd.period_range("2000", periods=before + 1, freq="Y"),
            )
            means = np.where(treated, apart, rng.normal(0, 1, 40))[:, None]
            question = Question(
                areas=pd.Index(range(40)), dates=dates, outcome=noise + means, treated=treated,
                start=dates[-1], kind="mean",
            )  # fmt: skip
            for name, method in asked.items():
                rejected[name] += quietly(method, question)[0] <= ALPHA
        rows.append(
            {"before": before, "autocorrelation": keep, "apart": apart}
            | {name: round(count / sims, 3) for name, count in rejected.items()}
        )
    return rows


def quietly(method, question: Question) -> Found:
    """A method's answer without what it prints; never significant where it fails."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return method(question)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return 1.0, -np.inf, np.inf


def yearly(question: Question) -> tuple[np.ndarray, int]:
    """Log rates (or means) by area and year from the start, and the years before it."""
    year = np.floor(question.event_time / question.cycle).astype(int)
    kept = np.unique(year)
    rates = [
        question.total[:, year == one].sum(axis=1) / question.exposure[:, year == one].sum(axis=1)
        for one in kept
    ]
    values = np.column_stack(rates)
    low = 0.0 if question.kind == "mean" else 0.01 * np.median(values)
    return (values if question.kind == "mean" else np.log(values + low)), int((kept < 0).sum())


def tidy(question: Question) -> pd.DataFrame:
    """The same as a tidy panel with the columns that peers ask for."""
    values, before = yearly(question)
    n, t = values.shape
    frame = pd.DataFrame(
        {"area": np.repeat(np.arange(n), t), "year": np.tile(np.arange(t), n), "y": values.ravel()}
    )
    own = question.treated[frame["area"]]
    frame["treated_after"] = (own & (frame["year"] >= before)).astype(float)
    return frame.assign(first=np.where(own, before, 0))


def by_estimate(question: Question) -> Found:
    """This package."""
    found = estimate(question, checks=False)
    return found.p_value, np.log1p(found.relative_low), np.log1p(found.relative_high)


def by_clusters(question: Question) -> Found:
    """Two-way fixed effects with errors clustered by area (pyfixest)."""
    import pyfixest

    fit = pyfixest.feols("y ~ treated_after | area + year", tidy(question), vcov={"CRV1": "area"})
    low, high = fit.confint().loc["treated_after"]
    return float(fit.pvalue()["treated_after"]), low, high


def by_poisson(question: Question) -> Found:
    """Poisson fixed effects with errors clustered by area (pyfixest)."""
    import pyfixest

    frame = tidy(question).assign(y=lambda data: np.exp(data["y"]))
    formula = "y ~ treated_after | area + year"
    fit = pyfixest.fepois(formula, frame, vcov={"CRV1": "area"})
    low, high = fit.confint().loc["treated_after"]
    return float(fit.pvalue()["treated_after"]), low, high


def by_group_time(question: Question) -> Found:
    """Callaway and Sant'Anna, overall effect with analytic errors (csdid)."""
    from csdid.att_gt import ATTgt

    frame = tidy(question)
    fit = ATTgt("y", "year", "area", "first", frame).fit(est_method="reg", bstrap=False)
    found = fit.aggte("simple", bstrap=False).atte
    effect, error = float(found["overall_att"]), float(np.squeeze(found["overall_se"]))
    p = float(2 * stats.norm.sf(abs(effect / error)))
    return p, effect - 1.96 * error, effect + 1.96 * error


def by_synthetic(question: Question) -> Found:
    """Synthetic control of 39 areas, ranked by the ratio of errors after to before (pysyncon)."""
    from pysyncon import Synth

    values, before = yearly(question)
    ratios, pool = [], np.flatnonzero(question.comparison)[:39]
    for area in [int(np.flatnonzero(question.treated)[0]), *pool]:
        others = pd.DataFrame(values[pool[pool != area]].T)
        own, past = pd.Series(values[area], name="own"), slice(0, before - 1)
        fit = Synth()
        fit.fit(X0=others.loc[past], X1=own.loc[past], Z0=others.loc[past], Z1=own.loc[past],
                custom_V=np.ones(before))  # fmt: skip
        gap = own.to_numpy() - others.to_numpy() @ fit.W
        ratios.append((gap[before:] ** 2).mean() / (gap[:before] ** 2).mean())
    return float(np.mean(np.array(ratios) >= ratios[0])), np.nan, np.nan


def by_structural_series(question: Question) -> Found:
    """Local level with the comparison areas' mean, and a step at the start (statsmodels)."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    values, before = yearly(question)
    after = (np.arange(values.shape[1]) >= before).astype(float)
    controls = np.column_stack([values[question.comparison].mean(axis=0), after])
    own = values[question.treated].mean(axis=0)
    fit = UnobservedComponents(own, "local level", exog=controls).fit(disp=False)
    low, high = fit.conf_int()[-1]
    return float(fit.pvalues[-1]), low, high


METHODS = {
    "estimate": by_estimate,
    "two-way fixed effects, clustered": by_clusters,
    "Poisson fixed effects, clustered": by_poisson,
    "Callaway and Sant'Anna": by_group_time,
    "structural series": by_structural_series,
    "synthetic control, placebo rank": by_synthetic,
}


if __name__ == "__main__":
    main()
