"""Every question a notebook asks of one area, answered from its brief."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsp_analysis.errors import ParameterError
from lsp_analysis.standing import answers
from lsp_analysis.standing.answers import gap_page, map_page, profile_page, trend_page
from lsp_analysis.standing.comparison.measured import counts_by_age
from lsp_analysis.standing.inequality.life import age_adjusted, has_ages


def test_the_answers_agree_on_the_last_year(brief):
    compared = answers.compare(brief, "burglary")
    gap = brief.gap("burglary").frame.iloc[-1]
    avoided = answers.avoided(brief, "burglary").table.iloc[0]
    assert compared.difference == pytest.approx(gap["gap"])
    assert compared.verdict == brief.profile.table.loc["burglary", "verdict"]
    assert avoided.events == pytest.approx(avoided.denominator * gap["gap"] / 1000)


def test_ranks_are_of_the_edition_before_the_programme(brief):
    edition, ranks = brief.study.indices_before(brief.start, brief.area.code_vintage)
    assert {edition} == set(ranks["edition"]) == {2007}


def test_an_area_with_the_standard_ages_would_keep_its_rate(brief):
    table = age_adjusted(brief, "deaths").table
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    here = table.iloc[0]
    assert here["value"] > here["crude"]  # few old people live here


class Withheld:
    """A study in which every count of one small area is withheld."""

    def __init__(self, study, code):
        self.study, self.code = study, code

    def small_areas(self):
        return self.study.small_areas()

    def read(self, table, **which):
        rows = self.study.read(table, **which)
        if table == "observations":
            rows["numerator"] = rows["numerator"].where(rows["area_code"] != self.code)
        return rows


def test_a_count_withheld_is_not_taken_for_nobody(brief):
    deaths, there = brief.measured("deaths"), "the rest of the borough"

    def withheld(code):
        by_age = counts_by_age(Withheld(brief.study, code), deaths.indicator)
        other = replace(brief)
        other._measured["deaths"] = replace(deaths, by_age=by_age)
        return age_adjusted(other, "deaths")

    own = withheld(brief.area.members[0])
    assert np.isnan(own.table["value"].iloc[0])
    assert f"{brief.area.name} has an age band without a count" in own.sentence()
    whole = age_adjusted(brief, "deaths").table
    other = withheld(brief.comparators[there][0]).table
    assert other.iloc[0].equals(whole.iloc[0])
    assert other.loc[there, "events"] < whole.loc[there, "events"]
    assert other.loc[there, "value"] == pytest.approx(whole.loc[there, "value"], rel=0.02)


def test_only_what_is_counted_by_age_is_adjusted_for_it(brief):
    assert has_ages(brief.study) == ["emergency_admissions", "deaths"]
    assert "not counted by age" in answers.age_standardised(brief, "burglary").reason


def test_a_comparator_that_is_not_there_is_answered_with_those_there_are(brief):
    with pytest.raises(ParameterError, match="rest of the borough"):
        answers.compare(brief, "burglary", "the rest of the boroug")


@pytest.mark.parametrize("page", [profile_page, gap_page, trend_page, map_page])
def test_each_page_has_words_and_a_picture(brief, page):
    shown = "".join(part._repr_html_() for part in page(brief, "burglary"))
    assert shown.count("<p>") >= 1
    assert 'alt="' in shown
