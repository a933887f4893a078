"""Synthetic control: finds the mixture, the effect and its rank, and says what it rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from effect_worlds import START, changed_areas, codes, panel, two_factors

from lsp_analysis.effects.synthetic.control import synthetic_control
from lsp_analysis.errors import PanelError, ParameterError

OPTIONS = {"outcome": "rate", "treated": ["E000"], "start": 17}
PREDICTORS = [("rate", range(1, 9), "mean"), ("rate", slice(9, 16)), ("load", 1)]


@pytest.fixture
def world():
    return two_factors(effect=4.0)


@pytest.fixture
def at_the_edge(world) -> dict:
    """The treated area has the highest load, so no mixture of others meets its predictors."""
    return OPTIONS | {"treated": world.loc[world["load"].idxmax(), ["area_code"]]}


@pytest.mark.parametrize("predictors", [None, PREDICTORS])
def test_an_effect_that_was_put_in_is_found(world, predictors):
    found = synthetic_control(world, predictors=predictors, **OPTIONS)
    assert found.estimate == pytest.approx(4.0, abs=0.3)
    assert found.donor_weights.sum() == pytest.approx(1)
    assert found.rank == 1
    assert found.p_value == pytest.approx(1 / 20)
    assert found.low < 4.0 < found.high
    assert found.finest_p == pytest.approx(1 / 20)


def test_under_no_effect_every_rank_is_as_likely():
    ranks = [
        synthetic_control(two_factors(seed=seed, n_areas=12, n_periods=20), **OPTIONS).rank
        for seed in range(60)
    ]
    assert np.mean(ranks) == pytest.approx(6.5, abs=3 * np.sqrt((12**2 - 1) / 12 / 60))


def test_names_order_and_units_do_not_matter(world):
    names = dict(zip(codes(20), reversed(codes(20)), strict=True))
    changed = changed_areas(world.assign(rate=1000 * world["rate"]), names)
    options = OPTIONS | {"treated": ["E019"]}
    for predictors in (None, PREDICTORS):
        one = synthetic_control(world, predictors=predictors, **OPTIONS)
        other = synthetic_control(
            changed.sample(frac=1, random_state=0), predictors=predictors, **options
        )
        assert other.estimate == pytest.approx(1000 * one.estimate, rel=1e-3)
        assert other.rank == one.rank
        assert other.pre_mspe == pytest.approx(1e6 * one.pre_mspe, rel=2e-2)


def test_a_predictor_in_other_units_changes_nothing(world):
    scaled = world.assign(load=world["load"] * 1e6)
    one, other = (
        synthetic_control(frame, predictors=PREDICTORS, **OPTIONS) for frame in (world, scaled)
    )
    assert other.pre_mspe == pytest.approx(one.pre_mspe, rel=1e-6)


def test_the_same_seed_gives_the_same_answer_to_the_last_digit(world):
    one, other = (synthetic_control(world, predictors=PREDICTORS, **OPTIONS) for _ in range(2))
    assert one.summary_frame().equals(other.summary_frame())


def test_the_search_beats_pysyncon_from_its_default_start(world, at_the_edge):
    pysyncon = pytest.importorskip("pysyncon")
    dataprep = pysyncon.Dataprep(
        foo=world,
        predictors=[],
        predictors_op="mean",
        dependent="rate",
        unit_variable="area_code",
        time_variable="period",
        treatment_identifier=at_the_edge["treated"].item(),
        controls_identifier=[c for c in codes(20) if c not in set(at_the_edge["treated"])],
        time_predictors_prior=range(1, 17),
        time_optimize_ssr=range(1, 17),
        special_predictors=[
            ("rate", range(1, 9), "mean"),
            ("rate", range(9, 17), "mean"),
            ("load", [1], "mean"),
        ],
    )
    other = pysyncon.Synth()
    other.fit(dataprep)
    found = synthetic_control(world, predictors=PREDICTORS, **at_the_edge)
    assert found.unique
    assert found.pre_mspe <= other.mspe() * (1 + 1e-6)


def test_predictor_weights_that_are_given_are_used(world, at_the_edge):
    given = synthetic_control(
        world, predictors=PREDICTORS, predictor_weights=[0.5, 0.3, 0.2], **at_the_edge
    )
    assert given.predictor_weights.to_numpy() == pytest.approx([0.5, 0.3, 0.2])
    assert given.starts.empty
    searched = synthetic_control(world, predictors=PREDICTORS, **at_the_edge)
    assert searched.pre_mspe <= given.pre_mspe * (1 + 1e-9)
    again = synthetic_control(
        world, predictors=PREDICTORS, predictor_weights=searched.predictor_weights, **at_the_edge
    )
    assert again.pre_mspe == pytest.approx(searched.pre_mspe, rel=1e-6)


def test_weights_can_be_chosen_on_part_of_the_time_before(world):
    late = synthetic_control(world, fit_periods=range(9, 17), **OPTIONS)
    whole = synthetic_control(world, **OPTIONS)
    gap = late.gap_by_period
    assert (gap.loc[9:16] ** 2).mean() <= (whole.gap_by_period.loc[9:16] ** 2).mean() * (1 + 1e-9)
    assert late.pre_mspe == pytest.approx((gap.loc[1:16] ** 2).mean())
    assert late.fit_mspe == pytest.approx((gap.loc[9:16] ** 2).mean())
    named = synthetic_control(world, fit_periods=slice(9, 16), **OPTIONS)
    assert named.donor_weights.equals(late.donor_weights)


def test_predictor_weights_can_be_trained_on_an_earlier_time(world, at_the_edge):
    """Cross-validation as in Abadie, Diamond and Hainmueller (2015)."""
    early = [("rate", slice(1, 8)), ("load", 1)]
    late = [("rate", slice(9, 16)), ("load", 1)]
    trained = synthetic_control(
        world, predictors=early, fit_periods=range(9, 17), generations=20, **at_the_edge
    )
    found = synthetic_control(
        world, predictors=late, predictor_weights=trained.predictor_weights, **at_the_edge
    )
    assert found.predictor_weights.to_numpy() == pytest.approx(trained.predictor_weights)
    assert found.donor_weights.sum() == pytest.approx(1)


def test_predictors_met_exactly_leave_the_choice_to_the_outcomes(world):
    """Many weights match one predictor; the best for the outcomes are taken, and it says so."""
    found = synthetic_control(world, predictors=[("load", 1)], **OPTIONS)
    assert not found.unique
    assert any("Other donor weights" in warning for warning in found.warnings)
    assert found.balance.loc["load 1", "treated"] == pytest.approx(
        found.balance.loc["load 1", "synthetic"], abs=1e-6
    )
    free = synthetic_control(world, **OPTIONS)
    assert free.pre_mspe <= found.pre_mspe < 4 * free.pre_mspe


def test_several_treated_areas_need_placebo_groups_of_their_number(world):
    options = OPTIONS | {"treated": ["E000", "E001"]}
    without = synthetic_control(world, **options)
    assert math.isnan(without.p_value)
    assert any("no placebo groups" in warning for warning in without.warnings)
    pairs = [[codes(20)[i], codes(20)[i + 1]] for i in range(2, 19)]
    found = synthetic_control(world, placebos=pairs, **options)
    assert found.n_placebos == 17
    assert found.p_value == pytest.approx(found.rank / 18)
    with pytest.raises(PanelError, match="cannot stand for 2"):
        synthetic_control(world, placebos=[["E005"]], **options)
    with pytest.raises(PanelError, match="is a treated area"):
        synthetic_control(world, placebos=[["E001", "E005"]], **options)


def test_treated_areas_can_be_kept_out_of_the_placebos_donors(world):
    without = synthetic_control(world, treated_among_donors=False, **OPTIONS)
    others = world[world["area_code"] != "E000"]
    alone = synthetic_control(others, **(OPTIONS | {"treated": ["E007"]}))
    row = without.placebos.set_index("area_code").loc["E007"]
    assert row["statistic"] == pytest.approx(alone.fit_ratio)


def test_too_few_placebos_for_an_interval_are_owned_up_to():
    found = synthetic_control(two_factors(n_areas=8, effect=4.0), **OPTIONS)
    assert math.isnan(found.low)
    assert any("needs 19 placebos or more" in warning for warning in found.warnings)
    assert found.p_value >= 1 / 8


def test_a_treated_area_unlike_any_other_gets_a_warning():
    world = two_factors()
    world.loc[world["area_code"] == "E000", "rate"] += 40
    found = synthetic_control(world, **OPTIONS)
    assert any("poor" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"predictors": [("lode", 1)]}, PanelError, 'Did you mean "load"'),
        ({"predictors": [("rate", 17)]}, PanelError, "not before the start"),
        ({"predictors": [("rate", 1, "mode")]}, ParameterError, "use one of mean"),
        ({"predictors": ["load"]}, ParameterError, "is not a predictor"),
        ({"predictors": [("load",)]}, ParameterError, "is not a predictor"),
        ({"predictors": [("area_code", 1)]}, PanelError, "is not a number"),
        ({"predictors": PREDICTORS, "predictor_weights": [1.0]}, ParameterError, "it has 1"),
        ({"predictors": PREDICTORS, "predictor_weights": "ols"}, ParameterError, "regression"),
        ({"predictors": [("rate", [])]}, ParameterError, "names no period"),
        ({"predictor_weights": [1.0]}, ParameterError, "needs `predictors`"),
        (
            {"predictors": PREDICTORS, "predictor_weights": [math.nan, 1, 1]},
            ParameterError,
            "numbers of 0 or more",
        ),
        ({"fit_periods": [40]}, PanelError, "before the start"),
        ({"start": 2}, PanelError, "1 period before"),
        ({"treated": ["E999"]}, PanelError, "not in column"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(world, change, error, words):
    with pytest.raises(error, match=words):
        synthetic_control(world, **(OPTIONS | change))


def test_a_gap_in_the_outcome_is_refused_and_one_in_a_predictor_is_not(world):
    holed = world.assign(load=world["load"].where(world["period"] != 2))
    synthetic_control(holed, predictors=[("load", range(1, 5)), ("rate", 16)], **OPTIONS)
    with pytest.raises(PanelError, match="1 of 480 values"):
        synthetic_control(world.drop(index=7), **OPTIONS)


def test_a_result_can_be_tabled_said_and_drawn(world):
    import matplotlib

    matplotlib.use("Agg")
    found = synthetic_control(world, **OPTIONS)
    assert {"pre_mspe", "rank", "outcomes_only_rank"} <= set(found.summary_frame().columns)
    assert "weighted average" in found.sentence()
    assert found.plot_placebos().get_lines()


def test_placebos_that_are_met_exactly_tell_nothing_of_their_errors():
    """Four periods and 59 donors: many areas are matched to the last bit."""
    short = panel(n_areas=60, n_periods=8, n_treated=1, noise=0.2, seed=4)
    found = synthetic_control(short, outcome="rate", treated=codes(1), start=START)
    exact = int((found.placebos["pre_mspe"] < 1e-9 * found.post_mspe).sum())
    assert exact > 3
    assert np.isnan([found.low, found.high, found.smallest_effect]).all()
    assert any(f"{exact} of 59 placebos are met exactly" in said for said in found.warnings)
    assert found.p_value >= (1 + 0) / 60


def test_placebos_speak_of_what_they_were_asked_alone(world):
    found = synthetic_control(world, **OPTIONS)
    assert found.n_disjoint == found.n_placebos
    assert "share no area" not in found.placebo_sentence()
    group = synthetic_control(panel(), outcome="rate", treated=codes(8), start=START)
    assert "not ranked" in group.placebo_sentence()
