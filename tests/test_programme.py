"""A study's own programme: when it began, what it did to each outcome, or why we cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from claims import causal_words

from lsp_analysis import open_study, programme_effects, programme_in
from lsp_analysis.effects.outcomes.many import outcomes_of
from lsp_analysis.effects.outcomes.programme import Programme
from lsp_analysis.effects.outcomes.programme_page import IndicatorEffect, indicator_effect
from lsp_analysis.resources import study_path

PRIMARY = "antisocial_behaviour"


@pytest.fixture(scope="module")
def study():
    return open_study(study_path("bolton_demo"))


@pytest.fixture(scope="module")
def programme(study):
    return programme_in(study, study.area("Hall i' th' Wood"))


@pytest.fixture(scope="module")
def effects(study, programme):
    return programme_effects(study, programme, primary=PRIMARY)


def test_a_recorded_programme_has_its_own_start_whatever_is_assumed(study):
    found = programme_in(study, study.area("E01004802"), start="1999-01")
    assert (found.start, found.known) == (pd.Period("2008-04", "M"), "recorded")
    assert found.primary_outcome == PRIMARY


def test_an_area_without_a_programme_has_no_start_and_no_effect(study):
    found = programme_in(study, study.area("E01004768"))
    assert found.start is None
    assert "No programme is on record" in found.sentence()
    assert indicator_effect(study, PRIMARY, found).effect is None


def test_a_programme_in_too_little_of_an_area_is_not_judged_there(study):
    area = study.area("Hall i' th' Wood (wide)")
    assert programme_in(study, area).start is not None
    whole = Programme(area, "it", pd.Period("2008-04", "M"), "recorded", 1)
    assert "1 of 4" in whole.sentence()


def test_the_primary_outcomes_interval_holds_the_truth(study, effects):
    import json

    truth = json.loads((study.path / "truth.json").read_text(encoding="utf-8"))
    assert truth["primary_outcome"] == PRIMARY
    effect = effects.primary.effect
    assert effect.relative_low < -0.2 < effect.relative_high


def test_a_period_in_which_the_programme_began_belongs_to_neither_side(effects):
    yearly = next(o for o in effects.others if o.indicator.indicator_id == "deaths")
    assert pd.Period("2008", "Y") not in set(yearly.effect.paths["period"])
    assert yearly.effect.start == pd.Period("2009", "Y")
    assert "2008, in which the programme began, is left out." in yearly.sentence()


def test_a_financial_year_that_begins_with_the_programme_counts_as_after(effects):
    found = [o.effect for o in effects.others if str(o.effect.start).startswith("2009")]
    financial = [e for e in found if e.start.freqstr == "Y-MAR"]
    assert financial
    assert all(e.start == pd.Period("2009", "Y-MAR") for e in financial)


def test_data_that_begin_after_the_programme_are_tried_on_a_placebo_date_and_say_so(study):
    late = Programme(study.area("Hall i' th' Wood"), "it", pd.Period("2002-01", "M"), "assumed", 1)
    found = indicator_effect(study, PRIMARY, late, checks=False)
    assert found.placebo_date
    assert "is a placebo date" in found.sentence()
    assert "nothing here is about the programme" in found.sentence()


def test_data_that_end_before_the_programme_give_a_reason_and_no_number(study):
    late = Programme(study.area("Hall i' th' Wood"), "it", pd.Period("2020-01", "M"), "assumed", 1)
    found = indicator_effect(study, PRIMARY, late)
    assert found.effect is None
    assert "nothing to evaluate yet" in found.sentence()


def test_what_stands_out_is_what_stands_out_beside_many_outcomes_in_the_notebook(effects, study):
    assert len(effects.estimates()) == 12
    many = outcomes_of(study, effects.programme.area, effects.programme.start, PRIMARY)
    moved = many.table["p_adjusted"] <= 0.05
    moved[PRIMARY] = many.table.loc[PRIMARY, "p_value"] <= 0.05
    found = {one.indicator.indicator_id for one in effects.stand_out()}
    assert found == set(moved.index[moved]) == {PRIMARY}
    assert "Romano and Wolf" in effects.rule()


def test_an_outcome_that_moved_far_beyond_its_placebos_stands_out_of_all(effects):
    first, *others = effects.others
    told = first.effect
    far = replace(told, statistic=3 * np.abs(told.placebos["statistic"]).max())
    seen = replace(effects, others=(replace(first, effect=far), *others)).stand_out()
    assert {one.indicator.indicator_id for one in seen} == {PRIMARY, first.indicator.indicator_id}


def test_nothing_stands_out_where_the_primary_outcome_did_not_move(effects):
    dull = replace(effects.primary, effect=replace(effects.primary.effect, p_value=0.5))
    alone = replace(effects, primary=dull, others=())
    assert alone.stand_out() == []
    assert "none stands out at the 5% level." in alone.sentence()
    nothing = replace(alone, primary=replace(dull, effect=None, instead="too short."))
    assert "No outcome of this study can show" in nothing._repr_html_()


def test_no_sentence_claims_a_cause(effects):
    every = [effects.sentence(), effects.next_step()]
    every += [one.sentence() for one in (effects.primary, *effects.others)]
    every.append(effects.primary.effect.cautions())
    assert not [word for said in every for word in causal_words(said)]


def test_the_next_step_grows_with_the_square_of_the_effect_that_can_be_seen(effects):
    effect = effects.primary.effect
    ratio = np.log1p(-effect.smallest_relative) / np.log1p(-0.1)
    needed = int(np.ceil(ratio**2))
    assert f"about {needed} such neighbourhoods" in effects.next_step(worth_having=0.1)


def test_an_effect_that_could_not_be_estimated_gives_its_reason(study):
    found = IndicatorEffect(study.indicator(PRIMARY), instead="too short.")
    assert found.sentence() == "too short."
