"""Agreements in force, and small numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from lsp_analysis.standing.study_check import shareable, sharing, small_counts


def test_the_last_day_of_an_agreement_still_counts(brief):
    on = sharing(brief.study, on="2012-12-31").table["status"]
    after = sharing(brief.study, on="2013-01-01").table["status"]
    assert (on == "in force").all()
    assert list(after.index[after == "expired"]) == ["resources"]


def test_a_table_without_an_agreement_is_named(brief):
    agreed = pd.DataFrame({"table": ["plan"], "expires": pd.NaT, "may_publish": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brief.study, "read", lambda table: agreed)
        assert "There is none for observations" in sharing(brief.study, on="2012-12-31").sentence()


def test_what_may_not_be_published_is_named(brief):
    assert "Not to be published: resources." in sharing(brief.study, on="2012-03-31").sentence()


def test_a_stricter_rule_hides_more_and_years_hide_less_than_months(brief):
    few, many = (small_counts(brief, profile=rule).table for rule in ("ons_5", "tre_10"))
    assert (few["hidden"] <= many["hidden"]).all()
    assert (few["hidden_by_year"] <= few["hidden"] + 1e-9).all()
    assert (small_counts(brief, profile="open").table["hidden"] == 0).all()


def test_no_small_count_is_left_in_a_table_to_share(brief):
    shown = shareable(brief, "neet").frame.set_index("Small area")
    assert not shown.isin(["1", "2", "3", "4"]).any().any()
    assert (shown == "*").any().any()
