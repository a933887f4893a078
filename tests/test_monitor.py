"""Monitoring looks at delivery; looks at outcomes are planned, bounded and on record."""

import numpy as np
import pandas as pd
import pytest
from small_experiment import a_trial, at, drawn, outcomes_of, registered, with_rows

from lsp_analysis.errors import DesignError, ParameterError
from lsp_analysis.experiments.analysis.boundaries import bounds_of
from lsp_analysis.experiments.analysis.comparison import contrast
from lsp_analysis.experiments.analysis.opening import look_at, signed_z, take_look
from lsp_analysis.experiments.record.delivery import monitor
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.verification import verify

LOOKS = (
    "[stopping]",
    '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]',
)


def reports(folder, months=14, dose=0.9):
    """Monthly reports of every unit; wardens are planned in their own arm only."""
    allocation = open_experiment(folder).allocation
    rng = np.random.default_rng(0)
    periods = pd.DataFrame({"period": pd.period_range("2010-04", periods=months, freq="M")})
    table = allocation[["unit", "arm"]].merge(periods, how="cross")
    planned = np.where(table["arm"] == "wardens", 16, 0)
    return table[["unit", "period"]].assign(
        planned=planned,
        delivered=rng.binomial(planned, dose),
        seen=4,
        other_arm=rng.binomial(4, np.where(table["arm"] == "usual", 0.25, 0.0)),
    )


@pytest.fixture
def folder(tmp_path):
    return drawn(tmp_path / "experiment", LOOKS)


# Delivery


def test_delivery_is_added_up_by_arm(folder):
    progress = reports(folder)
    found = monitor(open_experiment(folder), progress)
    table = found.summary_frame().set_index(["measure", "arm"])
    assert ("dose", "usual") not in table.index, "nothing was planned there"
    whole = progress["delivered"].sum() / progress["planned"].sum()
    assert table.loc[("dose", "wardens"), "value"] == pytest.approx(100 * whole)
    assert table.loc[("dose", "wardens"), "well"]
    assert not table.loc[("contamination", "usual"), "well"]
    assert "Another arm's programme seen: 2" in found.sentence()
    assert "Usual services" in found.sentence()


def test_a_fall_in_dose_shows(folder):
    progress = reports(folder)
    late = progress["period"] >= pd.Period("2010-12", "M")
    progress.loc[late, "delivered"] = progress.loc[late, "delivered"] // 2
    found = monitor(open_experiment(folder), progress)
    assert "Delivered of what was planned: 6" in found.sentence()
    head = found.plot("dose").get_title(loc="left")
    assert head == "Delivered of what was planned, per cent"


def test_units_that_report_nothing_are_named(folder):
    progress = reports(folder)
    found = monitor(open_experiment(folder), progress[progress["unit"] != "area-05"])
    assert found.silent == ("area-05",)
    assert "No report at all from area-05." in found.sentence()


def test_all_is_well_is_said(folder):
    found = monitor(open_experiment(folder), reports(folder).drop(columns=["seen", "other_arm"]))
    assert found.sentence() == "Over all periods, delivery was as planned."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(unit="area-99"), "area-99 reports, but was not randomised"),
        (lambda t: pd.concat([t, t]), "reports repeat a unit and period"),
        (lambda t: t.assign(delivered=20), "reports 20 delivered of"),
        (lambda t: t[["unit", "period"]], "no pair of counts"),
        (lambda t: t.drop(columns="period"), "no column period"),
    ],
)
def test_reports_that_cannot_be_right_are_refused(folder, change, said):
    with pytest.raises(DesignError, match=said):
        monitor(open_experiment(folder), change(reports(folder)))


def test_a_measure_nobody_reported_is_refused(folder):
    with pytest.raises(ParameterError, match='Did you mean "dose"'):
        monitor(open_experiment(folder), reports(folder)).plot("doze")


def test_monitoring_waits_for_the_draw(tmp_path):
    folder = registered(tmp_path / "experiment")
    with pytest.raises(DesignError, match="No allocation"):
        monitor(open_experiment(folder), pd.DataFrame({"unit": [], "period": []}))


# Looks


def kinds(folder):
    return [entry.kind for entry in open_experiment(folder).entries[2:]]


def test_a_planned_look_is_on_record(folder):
    look = take_look(folder, outcomes_of(folder), now=at(2010, 11, 1))
    assert look.number == 1
    assert kinds(folder) == ["look"]
    assert open_experiment(folder).deviations.empty
    assert look.table["bound"].tolist() == pytest.approx([bounds_of(_design(folder)).z[0]])
    assert "At planned look 1 on 2010-11-01" in look.sentence()
    assert verify(folder).holds


def _design(folder):
    return open_experiment(folder).design


def test_an_early_look_is_a_deviation_without_bounds(folder):
    look = take_look(folder, outcomes_of(folder), now=at(2010, 6, 1))
    assert look.number == 0
    assert look.table["bound"].isna().all()
    assert kinds(folder) == ["look"]
    assert "2010-06-01" in open_experiment(folder).deviations["deviation"][0]
    assert "chance finding is more likely" in look.sentence()


def test_a_look_taken_twice_is_a_deviation(folder):
    take_look(folder, outcomes_of(folder), now=at(2010, 11, 1))
    again = take_look(folder, outcomes_of(folder), now=at(2010, 12, 1))
    assert again.number == 0
    assert kinds(folder) == ["look", "look"]
    assert len(open_experiment(folder).deviations) == 1


def test_the_end_is_not_a_look(folder):
    with pytest.raises(DesignError, match="not a look but `analyse`"):
        take_look(folder, outcomes_of(folder), now=at(2011, 5, 1))


def test_nothing_is_looked_at_before_the_draw(tmp_path):
    folder = registered(tmp_path / "experiment", LOOKS)
    with pytest.raises(DesignError, match="No allocation is on record"):
        take_look(folder, outcomes_of(folder), now=at(2010, 11, 1))
    assert kinds(folder) == []


def test_a_design_without_looks_has_no_bounds():
    with pytest.raises(DesignError, match="plans no looks"):
        bounds_of(a_trial().design)


@pytest.mark.parametrize(("effect", "way"), [(-40, "benefit"), (40, "harm"), (0, "")])
def test_a_bound_is_crossed_in_the_direction_that_is_good_for_people(effect, way):
    trial = a_trial(LOOKS, effect=effect, n=24, spread=3)
    look = look_at(trial, 1, date="2010-11-01")
    row = look.table.iloc[0]
    assert row["crossed"] == way
    assert np.sign(row["z"]) == -np.sign(effect) or effect == 0
    if way:
        assert row["conditional_power"] > 0.9
        assert f"wardens ({way})" in look.sentence()


def test_a_statistic_is_the_p_value_on_the_normal_scale():
    trial = a_trial(effect=-4)
    one = contrast(trial, trial.design.outcome)
    from scipy.stats import norm

    assert 2 * norm.sf(signed_z(one)) == pytest.approx(one.test.p_value)
    assert signed_z(one) > 0


def test_a_bound_out_of_reach_is_said():
    five = '[looks]\ndates = ["2010-05-01", "2010-06-01", "2010-07-01", "2010-08-01", "2010-09-01"]'
    trial = a_trial(("[stopping]", f'{five}\nboundary = "obrien_fleming"\n[stopping]'), n=12)
    look = look_at(with_rows(trial, trial.rows), 1)
    assert "cannot cross this bound" in look.warnings[0]
