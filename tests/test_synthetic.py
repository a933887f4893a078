"""Synthetic control: finds the mixture, the effect and its rank, and says what it rests on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from effect_worlds import changed_areas, codes, panel, question, two_factors

from lsp_analysis import Question
from lsp_analysis.effects import synthetic_control
from lsp_analysis.errors import PanelError, ParameterError

PREDICTORS = [("rate", range(1990, 1998), "mean"), ("rate", slice(1998, 2005)), ("load", 1990)]


def asked(frame: pd.DataFrame, treated: str = "E000") -> Question:
    return question(frame, treated=[treated], start=2006, covariates=["load"])


@pytest.fixture
def world():
    return two_factors(effect=4.0)


@pytest.fixture
def at_the_edge(world) -> Question:
    """The treated area has the highest load, so no mixture of others meets its predictors."""
    return asked(world, world.loc[world["load"].idxmax(), "area_code"])


@pytest.mark.parametrize("predictors", [(), PREDICTORS])
def test_an_effect_that_was_put_in_is_found(world, predictors):
    found = synthetic_control(asked(world), predictors=predictors)
    assert found.estimate == pytest.approx(4.0, abs=0.3)
    assert found.donor_weights.sum() == pytest.approx(1)
    assert found.rank == 1
    assert found.p_value == pytest.approx(1 / 20)
    assert found.low < 4.0 < found.high
    assert found.finest_p == pytest.approx(1 / 20)


def test_under_no_effect_every_rank_is_as_likely():
    worlds = 30
    ranks = [
        synthetic_control(asked(two_factors(seed=seed, n_areas=12, n_periods=20))).rank
        for seed in range(worlds)
    ]
    assert np.mean(ranks) == pytest.approx(6.5, abs=3 * np.sqrt((12**2 - 1) / 12 / worlds))


@pytest.mark.slow
def test_names_order_and_units_do_not_matter_and_the_same_seed_gives_the_same_digits(world):
    names = dict(zip(codes(20), reversed(codes(20)), strict=True))
    changed = changed_areas(world.assign(rate=1000 * world["rate"]), names)
    for predictors in ((), PREDICTORS):
        one = synthetic_control(asked(world), predictors=predictors)
        moved = asked(changed.sample(frac=1, random_state=0), "E019")
        other = synthetic_control(moved, predictors=predictors)
        assert (
            synthetic_control(moved, predictors=predictors)
            .summary_frame()
            .equals(other.summary_frame())
        )
        assert other.estimate == pytest.approx(1000 * one.estimate, rel=1e-3)
        assert other.rank == one.rank
        assert other.pre_mspe == pytest.approx(1e6 * one.pre_mspe, rel=2e-2)


def test_a_predictor_in_other_units_changes_nothing(world):
    scaled = world.assign(load=world["load"] * 1e6)
    one, other = (
        synthetic_control(asked(frame), predictors=PREDICTORS) for frame in (world, scaled)
    )
    assert other.pre_mspe == pytest.approx(one.pre_mspe, rel=1e-6)


def test_the_search_beats_pysyncon_from_its_default_start(world, at_the_edge):
    pysyncon = pytest.importorskip("pysyncon")
    dataprep = pysyncon.Dataprep(
        foo=world,
        predictors=[],
        predictors_op="mean",
        dependent="rate",
        unit_variable="area_code",
        time_variable="period",
        treatment_identifier=at_the_edge.areas[at_the_edge.treated][0],
        controls_identifier=list(at_the_edge.areas[~at_the_edge.treated]),
        time_predictors_prior=range(1990, 2006),
        time_optimize_ssr=range(1990, 2006),
        special_predictors=[
            ("rate", range(1990, 1998), "mean"),
            ("rate", range(1998, 2006), "mean"),
            ("load", [1990], "mean"),
        ],
    )
    other = pysyncon.Synth()
    other.fit(dataprep)
    found = synthetic_control(at_the_edge, predictors=PREDICTORS)
    assert found.unique
    assert found.pre_mspe <= other.mspe() * (1 + 1e-6)


def test_predictor_weights_that_are_given_are_used(world, at_the_edge):
    given = synthetic_control(at_the_edge, predictors=PREDICTORS, predictor_weights=[0.5, 0.3, 0.2])
    assert given.predictor_weights.to_numpy() == pytest.approx([0.5, 0.3, 0.2])
    assert given.starts.empty
    searched = synthetic_control(at_the_edge, predictors=PREDICTORS)
    assert searched.pre_mspe <= given.pre_mspe * (1 + 1e-9)
    again = synthetic_control(
        at_the_edge, predictors=PREDICTORS, predictor_weights=searched.predictor_weights
    )
    assert again.pre_mspe == pytest.approx(searched.pre_mspe, rel=1e-6)


def _gaps(found):
    paths = found.paths.set_index("period")
    return paths["treated"] - paths["comparison"]


def test_weights_can_be_chosen_on_part_of_the_time_before(world):
    late = synthetic_control(asked(world), fit_dates=range(1998, 2006))
    whole = synthetic_control(asked(world))
    parts = [(_gaps(one).loc["1998":"2005"] ** 2).mean() for one in (late, whole)]
    assert parts[0] <= parts[1] * (1 + 1e-9)
    assert late.pre_mspe == pytest.approx((_gaps(late).loc[:"2005"] ** 2).mean())
    named = synthetic_control(asked(world), fit_dates=slice(1998, 2005))
    assert named.donor_weights.equals(late.donor_weights)


def test_predictor_weights_can_be_trained_on_an_earlier_time(world, at_the_edge):
    """Cross-validation as in Abadie, Diamond and Hainmueller (2015)."""
    early = [("rate", slice(1990, 1997)), ("load", 1990)]
    late = [("rate", slice(1998, 2005)), ("load", 1990)]
    trained = synthetic_control(
        at_the_edge, predictors=early, fit_dates=range(1998, 2006), generations=20
    )
    weights = trained.predictor_weights
    found = synthetic_control(at_the_edge, predictors=late, predictor_weights=weights)
    assert found.predictor_weights.to_numpy() == pytest.approx(weights.to_numpy())
    assert found.donor_weights.sum() == pytest.approx(1)


def test_predictors_met_exactly_leave_the_choice_to_the_outcomes(world):
    """Many weights match one predictor; the best for the outcomes are taken, and it says so."""
    found = synthetic_control(asked(world), predictors=[("load", 1990)])
    assert not found.unique
    assert any("Other donor weights" in warning for warning in found.warnings)
    assert found.balance.loc["load 1990", "treated"] == pytest.approx(
        found.balance.loc["load 1990", "synthetic"], abs=1e-6
    )
    free = synthetic_control(asked(world))
    assert free.pre_mspe <= found.pre_mspe < 4 * free.pre_mspe


def test_several_treated_areas_are_ranked_among_groups_of_their_number(world):
    both = question(world, treated=["E000", "E001"], start=2006)
    found = synthetic_control(both)
    assert found.placebos["areas"].str.split().str.len().eq(2).all()
    assert found.p_value == pytest.approx(found.rank / (found.n_placebos + 1))


def test_too_few_placebos_for_an_interval_are_owned_up_to():
    found = synthetic_control(asked(two_factors(n_areas=8, effect=4.0)))
    assert math.isnan(found.low)
    assert any("needs 19 placebos or more" in warning for warning in found.warnings)
    assert found.p_value >= 1 / 8


def test_a_treated_area_unlike_any_other_gets_a_warning():
    world = two_factors()
    world.loc[world["area_code"] == "E000", "rate"] += 40
    found = synthetic_control(asked(world))
    assert any("poor" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"predictors": [("lode", 1990)]}, PanelError, "neither the outcome nor a covariate"),
        ({"predictors": [("rate", 2006)]}, PanelError, "not before the start"),
        ({"predictors": [("rate", 1990, "mode")]}, ParameterError, "Choose from mean"),
        ({"predictors": ["load"]}, ParameterError, "is not a predictor"),
        ({"predictors": [("load",)]}, ParameterError, "is not a predictor"),
        ({"predictors": PREDICTORS, "predictor_weights": [1.0]}, ParameterError, r"\(3\)"),
        ({"predictors": PREDICTORS, "predictor_weights": "ols"}, ParameterError, "regression"),
        ({"predictors": [("rate", [])]}, PanelError, "None of these dates"),
        ({"predictor_weights": [1.0]}, ParameterError, "needs `predictors`"),
        (
            {"predictors": PREDICTORS, "predictor_weights": [math.nan, 1, 1]},
            ParameterError,
            "numbers of 0 or more",
        ),
        ({"fit_dates": [1940]}, PanelError, "before the start"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(world, change, error, words):
    with pytest.raises(error, match=words):
        synthetic_control(asked(world), **change)


def test_an_area_with_a_gap_in_the_outcome_is_no_donor_and_one_in_a_predictor_is(world):
    holed = world.assign(load=world["load"].where(world["period"] != 1991))
    predictors = [("load", range(1990, 1994)), ("rate", 2005)]
    synthetic_control(asked(holed), predictors=predictors)
    found = synthetic_control(asked(world.drop(index=30)))
    assert found.n_placebos == 18


def test_a_result_can_be_tabled_said_and_drawn(world):
    import matplotlib

    matplotlib.use("Agg")
    found = synthetic_control(asked(world))
    assert "weighted average" in found.sentence()
    assert found.plot_placebos().patches


def test_placebos_that_are_met_exactly_tell_nothing_of_their_errors():
    """Four periods and 59 donors: many areas are matched to the last bit."""
    short = panel(n_areas=60, n_periods=8, n_treated=1, noise=0.2, seed=4)
    found = synthetic_control(question(short, 1))
    assert np.isnan([found.low, found.high, found.smallest_effect]).all()
    assert any("of 59 placebos are matched exactly" in said for said in found.warnings)
    assert found.p_value >= 1 / 60
