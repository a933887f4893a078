"""Whether an effect lasted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boroughs import asked, borough, case_of, scores
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.checks.lasting import persistence
from lsp_analysis.errors import ParameterError
from lsp_analysis.verdicts import causal_words

CALM = {"mean_count": 60, "overdispersion": 0.02, "autocorrelation": 0.0}


def follow(made, **options):
    return persistence(made.panel, **asked(made), **options)


def faded(seed: int):
    """A borough whose effect is gone after nine months."""
    gone, lasting = (borough(seed, effect=effect, **CALM) for effect in (0.0, -1.2))
    late = lasting.panel["period"] >= lasting.start + 9
    count = lasting.panel["count"].mask(late, gone.panel["count"])
    return replace(lasting, panel=lasting.panel.assign(count=count))


def test_windows_end_at_the_horizons_and_tile_the_time_after():
    found = follow(borough(2)).table
    assert found["horizon"].tolist() == [3, 6, 12, 18]
    assert found["label"][0] == "July 2005 to September 2005"


def test_each_window_has_the_effect_that_was_there():
    found = follow(borough(3, effect=-0.8, **CALM)).table
    assert found["estimate"].to_numpy() == pytest.approx(100 * np.expm1(-0.8), abs=22)


def test_one_window_over_everything_is_the_estimate_itself():
    made = borough(3, effect=-0.8)
    row = follow(made, horizons=[30]).table.iloc[0]
    case = case_of(made)
    assert row["estimate"] == pytest.approx(
        100 * (case.found.total[0] / case.found.expected[0] - 1)
    )


def test_an_effect_that_fades_is_seen_to_and_one_that_lasts_is_not():
    told = [follow(faded(seed)) for seed in range(8)]
    kept = [follow(borough(seed, effect=-1.2, **CALM)) for seed in range(8)]
    assert sum(one.change_p <= 0.05 and one.change == "faded" for one in told) >= 6
    assert sum(one.change_p <= 0.05 for one in kept) <= 2
    assert "faded by more than chance" in told[2].sentence()


def test_after_the_funding_is_compared_with_while_it_ran():
    found = follow(faded(1), funding_ends="2006-03")
    assert found.funded["label"][0] == "while funded: July 2005 to March 2006"
    assert found.funded["label"][1] == "after: April 2006 to December 2006"
    assert found.funded["estimate"][0] < -50 < found.funded["estimate"][1]


def test_funding_that_ends_beyond_the_panel_makes_no_windows():
    assert follow(borough(2), funding_ends="2020-01").funded.empty


def test_years_are_windows_too():
    panel, question = scores(effect=-20.0)
    found = persistence(panel, **question, unit="score")
    assert found.table["horizon"].tolist() == [3, 4]
    assert (found.table["high"] < 0).all()
    assert "points lower" in found.sentence()


def test_a_single_period_after_the_start_cannot_tell():
    panel, question = scores()
    found = persistence(panel[panel["period"] <= "2000"], **question)
    assert np.isnan(found.change_p)
    assert "cannot be told" in found.sentence()


def test_it_draws_and_says_itself_without_claiming_a_cause():
    found = follow(borough(2), funding_ends="2006-03")
    assert causal_words(found.sentence()) == []
    assert len(found.summary_frame()) == len(found.table) + 2
    assert_fit_for_a_page(found.plot())


@pytest.mark.parametrize("horizons", [[6, 3], [0, 3], [3, 3]])
def test_horizons_must_rise(horizons):
    with pytest.raises(ParameterError, match="rise from 1"):
        follow(borough(2), horizons=horizons)


def test_person_periods_are_carried_to_the_case_and_no_end_of_funding_is_none(monkeypatch):
    from lsp_analysis.effects.checks import lasting as module

    opened, known = [], module.open_case
    monkeypatch.setattr(
        module,
        "open_case",
        lambda panel, **options: opened.append(known(panel, **options)) or opened[-1],
    )
    found = follow(borough(2), person_periods=True, funding_ends="")
    assert opened[0].counted == "person-periods"
    assert found.funded.empty


@pytest.mark.parametrize("end", ["soon", "NaT", 3.5])
def test_an_end_of_funding_that_is_no_date_is_refused(end):
    with pytest.raises(ParameterError, match="is not a month, quarter or year"):
        follow(borough(2), funding_ends=end)


def test_months_that_are_only_numbered_have_the_same_windows_before_the_start():
    made = borough(3)
    numbers = {month: at for at, month in enumerate(sorted(made.panel["period"].unique()))}
    panel = made.panel.assign(period=made.panel["period"].map(numbers))
    found = persistence(panel, **asked(made) | {"start": numbers[made.start]}).table
    assert found["estimate"].tolist() == pytest.approx(follow(made).table["estimate"].tolist())


def test_a_window_without_a_value_of_the_neighbourhood_is_left_out():
    made = borough(3)
    here = made.panel["area_code"].isin(made.treated)
    gone = here & made.panel["period"].between(made.start + 3, made.start + 5)
    panel = made.panel.assign(count=made.panel["count"].mask(gone))
    found = persistence(panel, **asked(made), funding_ends=made.start + 8)
    assert found.table["horizon"].tolist() == [3, 12, 18]
    assert np.isfinite(found.summary_frame()["estimate"]).all()
