"""The kind of an indicator: what it is when not declared, how periods are joined, what it says."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from small_study import small_tables

from lsp_analysis.errors import ParameterError
from lsp_analysis.study import check_study, open_study, write_study
from lsp_analysis.study.indicator import (
    KIND_OF_VALUE_TYPE,
    Indicator,
    join_periods,
    on_unit_period,
)

EVENTS = Indicator("asb", "Incidents", "per_1000", "rate", 1000.0, base="residents")
STOCK = Indicator("jsa", "Claimants", "percent", "proportion", 100.0, kind="stock")
SHARE = Indicator("gcse", "Passes", "percent", "proportion", 100.0)


def months(counts, people, start="2010-01"):
    periods = pd.period_range(start, periods=len(counts), freq="M")
    panel = pd.DataFrame({"area_code": "A", "period": periods, "numerator": counts, "note": ""})
    panel["denominator"] = np.broadcast_to(people, len(counts)).astype(float)
    return panel.assign(value=1000.0 * panel["numerator"] / panel["denominator"])


@pytest.mark.parametrize(("value_type", "kind"), KIND_OF_VALUE_TYPE.items())
def test_a_kind_not_declared_follows_the_value_type(value_type, kind):
    assert Indicator("a", "A", "per_1000", value_type).kind == kind


def test_a_rate_is_per_year_unless_the_study_says_otherwise():
    assert EVENTS.per == "per 1,000 residents a year"
    assert Indicator("a", "A", "per_1000", "rate", 1000.0, unit_period="month").per == (
        "per 1,000 a month"
    )
    assert STOCK.per == "percent"


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(ParameterError, match="stock"):
        Indicator("a", "A", "percent", "proportion", kind="stocks")


@pytest.mark.parametrize("freq", ["M", "Q"])
def test_events_of_a_year_are_one_rate_from_months_quarters_or_the_year(freq):
    panel = months(np.arange(1.0, 13.0), 1500.0)
    year = join_periods(panel, EVENTS, panel["period"].dt.year).iloc[0]
    assert year["value"] == pytest.approx(78 / 1500 * 1000)
    parts = panel.groupby(panel["period"].dt.asfreq(freq)).agg(
        {"area_code": "first", "numerator": "sum", "denominator": "mean", "note": "first"}
    )
    parts = parts.reset_index().assign(value=np.nan)
    again = join_periods(parts, EVENTS, parts["period"].dt.year).iloc[0]
    assert again["value"] == pytest.approx(year["value"])
    assert again["denominator"] == pytest.approx(year["denominator"])


def test_a_stock_is_averaged_and_never_added_up():
    panel = months(np.full(12, 162.0), 1693.0)
    year = join_periods(panel, STOCK, panel["period"].dt.year).iloc[0]
    assert (year["numerator"], year["denominator"]) == (162.0, 1693.0)
    assert year["value"] == pytest.approx(100 * 162 / 1693)


def test_shares_of_other_people_are_added_up():
    panel = months([10.0, 30.0], [100.0, 100.0])
    joined = join_periods(panel, SHARE, panel["period"].dt.year).iloc[0]
    assert (joined["numerator"], joined["denominator"], joined["value"]) == (40.0, 200.0, 20.0)


@pytest.mark.parametrize("kind", ["mean", "standardised", "published"])
def test_what_cannot_be_added_up_keeps_its_last_edition(kind):
    value_type = {"mean": "mean", "standardised": "dsr", "published": "proportion"}[kind]
    panel = months([np.nan, np.nan], np.nan).assign(value=[4.0, 5.0])
    panel = pd.concat([panel.assign(area_code=code) for code in ("B", "A")])
    panel["value"] += (panel["area_code"] == "B") * 10
    indicator = Indicator("a", "A", "score", value_type, kind=kind)
    joined = join_periods(panel, indicator, panel["period"].dt.year)
    assert joined.set_index("area_code")["value"].to_dict() == {"A": 5.0, "B": 15.0}


def test_a_missing_month_makes_the_year_missing():
    panel = months([3.0, np.nan, 4.0], 100.0)
    for indicator in (EVENTS, STOCK, SHARE):
        assert join_periods(panel, indicator, panel["period"].dt.year)["value"].isna().all()


def test_a_monthly_value_is_shown_on_the_period_of_its_unit():
    panel = months([99.0 / 12], 1506.0)
    assert on_unit_period(panel, EVENTS)["value"].iloc[0] == pytest.approx(99 / 1506 * 1000)
    assert on_unit_period(panel, STOCK) is panel


def test_an_indicator_without_numerators_is_a_published_estimate():
    panel = months([np.nan], 100.0).assign(value=5.0)
    assert SHARE.seen_in(panel).kind == "published"
    assert SHARE.seen_in(months([1.0], 100.0)) is SHARE


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Deaths under 75", True), ("Emergency admissions", True), ("Theft", False)],
)
def test_a_name_tells_whether_the_risk_follows_age_when_the_study_does_not(name, expected):
    assert Indicator("a", name, "per_1000", "rate").age_related is expected
    declared = Indicator("a", name, "per_1000", "rate", age_related=not expected)
    assert declared.age_related is not expected


def study_of(folder, counts, *, value_type, kind, people=2000.0):
    """A study of two areas whose one indicator has monthly `counts` (periods x areas)."""
    tables = small_tables()
    codes = tables["areas"].query("area_type == 'lsoa'")["area_code"].to_list()[: counts.shape[1]]
    periods = pd.period_range("2008-01", periods=len(counts), freq="M")
    index = pd.MultiIndex.from_product([codes, periods], names=["area_code", "period"])
    rows = index.to_frame(index=False)
    rows["period_start"] = rows["period"].dt.start_time
    rows["period_end"] = rows.pop("period").dt.end_time.dt.normalize()
    rows["numerator"], rows["denominator"] = counts.T.ravel(), people
    indicator = (
        tables["indicators"]
        .iloc[:1]
        .assign(
            indicator_id="x", unit="percent", multiplier=100.0, value_type=value_type, kind=kind
        )
    )
    if value_type == "rate":
        indicator = indicator.assign(unit="per_1000", multiplier=1000.0)
    kept = {name: tables[name] for name in ("areas",)}
    write_study(
        folder,
        kept | {"indicators": indicator, "observations": rows.assign(indicator_id="x")},
        about={"name": "kinds", "title": "Kinds"},
    )
    return [p for p in check_study(folder, today="2020-01-01") if "kind" in p.problem]


def claimants(rng, n_months=120, n_areas=2):
    """The same people from month to month: few come, few go."""
    level = np.full((n_months, n_areas), 80.0)
    for month in range(1, n_months):
        leave = rng.binomial(level[month - 1].astype(int), 0.08)
        level[month] = level[month - 1] - leave + rng.poisson(6.4, n_areas)
    return level


@pytest.mark.parametrize(
    ("draw", "value_type", "kind", "right"),
    [
        ("stock", "proportion", None, "stock"),
        ("stock", "proportion", "share", "stock"),
        ("stock", "rate", "events", "stock"),
        ("events", "rate", "stock", "events"),
        ("events", "rate", "mean", "events"),
        ("events", "rate", "published", "events"),
        ("many", "proportion", "share", "events"),
        ("stock", "proportion", "stock", None),
        ("events", "rate", None, None),
        ("events", "rate", "events", None),
    ],
)
def test_check_refuses_a_kind_its_numbers_contradict(tmp_path, draw, value_type, kind, right):
    rng = np.random.default_rng(3)
    counts = claimants(rng) if draw == "stock" else rng.poisson(30.0, (120, 2)).astype(float)
    people = 20.0 if draw == "many" else 2000.0
    problems = study_of(tmp_path / "s", counts, value_type=value_type, kind=kind, people=people)
    remedies = [problem.remedy for problem in problems]
    assert remedies == ([f"Write {right} in the column kind."] if right else [])


def test_the_demonstration_declares_its_kinds():
    study = open_study(ROOT / "data" / "bolton_demo")
    assert study.indicators()["kind"].notna().all()
    assert study.indicator("jobseekers").kind == "stock"
    assert study.indicator("deaths").age_related
