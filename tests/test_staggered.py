"""Staggered starts: what was put in is found, where two-way fixed effects would be wrong."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from effect_worlds import codes

from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.regressions.fixed_effects import two_way_regression
from lsp_analysis.effects.regressions.group_aggregates import KINDS
from lsp_analysis.effects.regressions.staggered import staggered_effect
from lsp_analysis.errors import PanelError, ParameterError


def world(*, n_areas: int = 90, noise: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """A third never start, the rest in period 3 or 6 of 8; the effect grows by 1 a period."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_areas)
    starts = np.where(
        np.arange(n_areas) % 3 == 0, np.nan, np.where(np.arange(n_areas) % 3 == 1, 3, 6)
    )
    period = np.tile(np.arange(1, 9), n_areas)
    frame = pd.DataFrame(
        {
            "area_code": np.repeat(codes(n_areas), 8),
            "number": np.repeat(np.arange(n_areas), 8),
            "period": period,
            "x": np.repeat(x, 8),
            "begin": np.repeat(starts, 8),
        }
    )
    since = frame["period"] - frame["begin"] + 1
    effect = since.where(since > 0, 0.0).fillna(0.0)
    level = np.repeat(rng.normal(0, 2, n_areas), 8)
    trend = 0.5 * period + 0.2 * frame["x"] * period
    return frame.assign(
        rate=20 + level + trend + effect + rng.normal(0, noise, len(frame)),
        first=frame["begin"].fillna(0).astype(int),
    )


def test_without_noise_every_group_and_period_is_found():
    found = staggered_effect(world(noise=0.0), outcome="rate", starts="begin", covariates=["x"])
    table = found.group_time
    expected = (table["period"] - table["group"] + 1).clip(lower=0)
    assert table["estimate"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert found.by_time.query("relative_period >= 0")["estimate"].to_numpy() == pytest.approx(
        [1, 2, 3, 4, 5, 6], abs=1e-6
    )
    gap = found.paths["treated"] - found.paths["comparison"]
    assert gap.to_numpy() == pytest.approx([0, 0, 0.5, 1, 1.5, 2.5, 3.5, 4.5], abs=1e-6)


def test_two_way_fixed_effects_would_be_wrong_by_a_third():
    frame = world(noise=0.0)
    frame["on"] = (frame["period"] >= frame["begin"]).astype(float)
    frame["rate"] = frame["rate"] - 0.2 * frame["x"] * frame["period"]
    biased = two_way_regression(frame, outcome="rate", regressors=["on"])
    found = staggered_effect(frame, outcome="rate", starts="begin")
    assert found.estimate == pytest.approx(3.0)  # (21 + 6) / 9 treated periods
    assert biased.coefficients.loc["on", "estimate"] < 2.4


@pytest.mark.parametrize("method", ["dr", "reg", "ipw"])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
@pytest.mark.parametrize("base", ["varying", "universal"])
def test_csdid_agrees_on_every_estimate_and_error(method, comparison, base):
    att_gt = pytest.importorskip("csdid.att_gt")
    frame = world(seed=3)
    found = staggered_effect(
        frame,
        outcome="rate",
        starts="begin",
        covariates=["x"],
        method=method,
        comparison=comparison,
        base=base,
        n_draws=0,
    )
    other = att_gt.ATTgt(
        yname="rate",
        tname="period",
        idname="number",
        gname="first",
        data=frame[["rate", "period", "number", "first", "x"]],
        xformla="rate ~ x",
        control_group={"never": "nevertreated", "not_yet": "notyettreated"}[comparison],
    ).fit(est_method=method, base_period=base, bstrap=False)
    table = found.group_time.sort_values(["group", "period"])
    assert table["estimate"].to_numpy() == pytest.approx(np.array(other.results["att"]), abs=1e-8)
    expected = np.nan_to_num(np.array(other.results["se"], dtype=float).ravel())
    assert table["se"].to_numpy() == pytest.approx(expected, abs=1e-8)
    for kind in KINDS:
        combined = other.aggte(typec=kind, bstrap=False, cband=False).atte
        row = found.overall.loc[kind]
        assert row["estimate"] == pytest.approx(combined["overall_att"])
        assert row["se"] == pytest.approx(np.ravel(combined["overall_se"])[0])


def test_with_one_start_it_is_difference_in_differences():
    frame = world()
    frame = frame[frame["begin"] != 6]
    treated = list(frame.loc[frame["begin"] == 3, "area_code"].unique())
    found = staggered_effect(frame, outcome="rate", treated=treated, start=3)
    after = frame[frame["period"].isin([2, *range(3, 9)])]
    plain = difference_in_differences(after, outcome="rate", treated=treated, start=3)
    assert found.estimate == pytest.approx(plain.estimate)


def test_simultaneous_intervals_are_wider_and_cover_all_at_once():
    hits = 0
    for seed in range(40):
        found = staggered_effect(
            world(seed=seed), outcome="rate", starts="begin", covariates=["x"], method="reg"
        )
        table = found.by_time.dropna()
        truth = (table["relative_period"] + 1).clip(lower=0)
        hits += ((table["low"] <= truth) & (truth <= table["high"])).all()
    assert hits / 40 >= 0.85
    row = table.iloc[0]
    assert row["high"] - row["low"] > 2 * 1.96 * row["se"]


def test_few_treated_areas_withhold_the_test():
    found = staggered_effect(
        world(), outcome="rate", starts={"E001": 3, "E002": 6}, covariates=["x"], method="reg"
    )
    assert math.isnan(found.p_value)
    assert "2 treated clusters" in found.warnings[0]
    assert found.se > 0


def test_an_area_begun_by_the_first_period_has_no_before_and_is_left_out():
    frame = world()
    early = frame.assign(begin=frame["begin"].where(frame["area_code"] != "E001", 1.0))
    without = frame[frame["area_code"] != "E001"]
    one, other = (staggered_effect(f, outcome="rate", starts="begin") for f in (early, without))
    assert one.estimate == other.estimate


def test_a_missing_value_is_left_out_of_its_comparisons_only():
    frame = world(noise=0.0)
    frame.loc[frame["area_code"] == "E001", "rate"] = np.where(
        frame.loc[frame["area_code"] == "E001", "period"] == 5,
        np.nan,
        frame.loc[frame["area_code"] == "E001", "rate"],
    )
    found = staggered_effect(frame, outcome="rate", starts="begin", covariates=["x"])
    cell = found.group_time.query("group == 3 and period == 5").iloc[0]
    assert cell["n_treated"] == 29
    assert cell["estimate"] == pytest.approx(3.0, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"starts": None}, ParameterError, "Give `starts`"),
        ({"starts": {"E00": 3}}, PanelError, "Did you mean"),
        ({"starts": {}}, PanelError, "No area ever starts"),
        ({"starts": {"E001": 40}}, PanelError, "No area starts"),
        ({"method": "magic"}, ParameterError, "dr, reg, ipw"),
        ({"aggregate": "total"}, ParameterError, "simple, dynamic"),
        ({"starts": "period"}, PanelError, "two starts"),
    ],
)
def test_what_cannot_be_done_is_refused(change, error, words):
    options = {"outcome": "rate", "starts": "begin"} | change
    with pytest.raises(error, match=words):
        staggered_effect(world(), **options)


def test_areas_told_apart_by_their_covariates_are_refused():
    frame = world()
    frame["x"] = frame["begin"].notna() * 10 + frame["x"]
    with pytest.raises(PanelError, match="almost perfectly"):
        staggered_effect(frame, outcome="rate", starts="begin", covariates=["x"])


def test_it_draws_itself():
    import matplotlib

    matplotlib.use("Agg")
    found = staggered_effect(world(), outcome="rate", starts="begin")
    assert found.plot().collections
    assert "areas where it never started" in found.sentence()


@pytest.mark.parametrize("never", [0, np.inf, np.nan])
@pytest.mark.parametrize("comparison", ["never", "not_yet"])
def test_a_start_of_nought_is_never_where_periods_are_numbers(never, comparison):
    frame = world()
    marked = frame.assign(begin=frame["begin"].fillna(never))
    options = {"outcome": "rate", "comparison": comparison, "n_draws": 0}
    found = staggered_effect(marked, starts="begin", **options)
    expected = staggered_effect(frame, starts="begin", **options)
    assert (found.estimate, found.se) == (expected.estimate, expected.se)
    assert found.warnings == ()


def test_areas_begun_by_the_first_period_are_said_to_be_left_out():
    frame = world()
    begun = frame["area_code"].isin(codes(90)[:3])
    found = staggered_effect(
        frame.assign(begin=frame["begin"].mask(begun, 1.0)), outcome="rate", starts="begin"
    )
    assert "3 areas were left out" in found.warnings[0]


def test_starts_may_be_text_where_periods_are_dates():
    frame = world()
    start = frame["begin"].map({3.0: "2003", 6.0: "2006"})
    years = pd.period_range("2001", periods=8, freq="Y")
    dated = frame.assign(period=years[frame["period"] - 1], begin=start)
    found = staggered_effect(dated, outcome="rate", starts="begin", n_draws=0)
    expected = staggered_effect(frame, outcome="rate", starts="begin", n_draws=0)
    assert found.estimate == pytest.approx(expected.estimate)


@pytest.mark.parametrize("mark", [2, "yes", np.nan])
def test_a_column_of_the_treated_holds_nought_and_one(mark):
    frame = world().assign(mine=0).astype({"mine": object})
    frame.loc[0, "mine"] = mark
    with pytest.raises(PanelError, match=r"mine.*(must hold|not a number)"):
        staggered_effect(frame, outcome="rate", treated="mine", start=3)


def test_a_column_that_switches_on_says_when_each_area_starts():
    frame = world().assign(on=lambda f: f["period"] >= f["begin"])
    found = staggered_effect(frame, outcome="rate", treated="on", n_draws=0)
    expected = staggered_effect(frame, outcome="rate", starts="begin", n_draws=0)
    assert found.estimate == expected.estimate
    with pytest.raises(PanelError, match=r"switches on at 6 .* use staggered_effect"):
        difference_in_differences(frame, outcome="rate", treated="on", start=3)
    together = frame[frame["begin"] != 6]
    by_column = difference_in_differences(together, outcome="rate", treated="on", start=3)
    mine = list(together.loc[together["on"], "area_code"].unique())
    by_name = difference_in_differences(together, outcome="rate", treated=mine, start=3)
    assert by_column.estimate == by_name.estimate


def test_areas_that_change_exactly_alike_leave_no_error_to_judge_by():
    made = world()[lambda f: f["begin"] != 6]
    since = (made["period"] - made["begin"] + 1).clip(lower=0).fillna(0.0)
    exact = made.assign(rate=made["number"] + 0.5 * made["period"] + since)
    found = staggered_effect(exact, outcome="rate", starts="begin")
    assert found.estimate == pytest.approx(3.5)
    assert math.isnan(found.p_value)
    assert math.isnan(found.smallest_effect)
    assert "met exactly" in found.warnings[0]
