"""Small numbers stay hidden, also from those who can subtract."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.errors import DisclosureError
from lsp_analysis.study.disclosure import (
    PROFILES,
    audit,
    cells_to_hide,
    feasible_intervals,
    find_profile,
    protect,
    protect_table,
    shown_count,
    small_cells,
)

TABLE = pd.DataFrame(
    [[3, 22, 41], [15, 30, 52], [28, 19, 33]], index=list("abc"), columns=["x", "y", "z"]
)


def cases(shared, name):
    path = shared("gold") / "indicators" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"]


def test_counts_are_shown_as_the_reference_says(shared):
    for case in cases(shared, "nhs_small_numbers"):
        assert shown_count(**case["input"]) == case["expected"]["shown"]


@pytest.mark.parametrize("count", range(0, 60))
def test_a_shown_count_is_a_multiple_of_five_within_two_of_the_truth(count):
    shown = shown_count(count)
    if 1 <= count <= 7:
        assert shown == "*"
    else:
        assert int(shown) % 5 == 0
        assert abs(int(shown) - count) <= 2


def test_other_profiles_and_a_missing_count():
    assert shown_count(4, "under_5") == "*"
    assert shown_count(5, "under_5") == "5"
    assert shown_count(1, "open") == "1"
    assert shown_count(float("nan")) == "–"


@pytest.mark.parametrize("count", [-1, 2.5])
def test_what_is_no_count_is_refused(count):
    with pytest.raises(DisclosureError, match="is no count"):
        shown_count(count)


def test_an_unknown_profile_is_refused_and_a_blank_one_is_the_strictest():
    with pytest.raises(DisclosureError, match='Did you mean "nhs"'):
        find_profile("nsh")
    assert find_profile("") is PROFILES["nhs"]
    assert find_profile(float("nan")) is PROFILES["nhs"]


class TestProtect:
    frame = pd.DataFrame(
        {
            "numerator": [0.0, 3.0, 8.0, np.nan],
            "denominator": 100.0,
            "value": [0.0, 3.0, 8.0, np.nan],
            "lower95": 1.0,
            "note": ["", "revised", "", "not available"],
        }
    )

    def test_nothing_is_left_to_work_a_hidden_count_out_from(self):
        made = protect(self.frame, profile="under_5")
        hidden = made.iloc[1]
        assert hidden[["numerator", "value", "lower95"]].isna().all()
        assert hidden["note"] == "suppressed"
        kept = made.drop(index=1)
        pd.testing.assert_frame_equal(kept, self.frame.drop(index=1))

    def test_a_value_cannot_give_a_rounded_count_away(self):
        made = protect(self.frame, profile="nhs")
        assert made.loc[2, "numerator"] == 10
        assert made.loc[2, "value"] * made.loc[2, "denominator"] / 100 == pytest.approx(10)
        assert made.loc[0, "value"] == 0

    def test_open_data_are_shown_as_they_are(self):
        pd.testing.assert_frame_equal(protect(self.frame, profile="open"), self.frame)


class TestAudit:
    def test_intervals_are_those_of_the_reference(self, shared):
        for case in cases(shared, "suppression_audit"):
            given = case["input"]
            found = feasible_intervals(
                given["table"],
                [tuple(cell) for cell in given["suppressed"]],
                margins_published=given["margins_published"],
            )
            expected = case["expected"]["intervals"]
            assert {f"{r},{c}" for r, c in found} == set(expected)
            for (row, column), interval in found.items():
                assert interval == pytest.approx(expected[f"{row},{column}"], abs=1e-6)

    def test_intervals_agree_with_trying_every_table(self):
        counts = np.array([[1, 2, 3], [2, 0, 4]])
        hidden = [(0, 0), (0, 1), (1, 0), (1, 1)]
        possible = []
        for guess in itertools.product(range(6), repeat=4):
            trial = counts.copy()
            for cell, value in zip(hidden, guess, strict=True):
                trial[cell] = value
            same_rows = (trial.sum(axis=1) == counts.sum(axis=1)).all()
            if same_rows and (trial.sum(axis=0) == counts.sum(axis=0)).all():
                possible.append(guess)
        found = feasible_intervals(counts, hidden)
        for place, cell in enumerate(hidden):
            tried = [guess[place] for guess in possible]
            assert found[cell] == pytest.approx((min(tried), max(tried)))

    def test_without_margins_nothing_is_known(self):
        assert feasible_intervals(TABLE.to_numpy(), [(0, 0)], margins_published=False) == {
            (0, 0): (0.0, math.inf)
        }

    def test_the_audit_names_the_cells_disclosed(self):
        made = audit(TABLE, [(0, 0)])
        assert made.to_dict("records") == [
            {"row": "a", "column": "x", "low": 3.0, "high": 3.0, "disclosed": True}
        ]
        assert not audit(TABLE, [(0, 0), (0, 1), (1, 0), (1, 1)])["disclosed"].any()

    def test_a_table_of_impossible_totals_is_refused(self):
        with pytest.raises(DisclosureError, match="counts of 0 or more"):
            feasible_intervals(np.array([[-5, 1], [1, 1]]), [(0, 0)])


class TestProtectTable:
    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize("profile", ["under_5", "nhs"])
    def test_no_hidden_cell_can_be_worked_out(self, seed, profile):
        table = pd.DataFrame(np.random.default_rng(seed).poisson(9.0, size=(6, 5)))
        hidden = cells_to_hide(table.to_numpy(), profile=profile)
        assert set(small_cells(table.to_numpy(), profile=profile)) <= set(hidden)
        if hidden:
            assert not audit(table, hidden)["disclosed"].any()

    def test_one_small_cell_takes_three_more_with_it(self):
        shown = protect_table(TABLE, profile="under_5")
        assert (shown == "*").to_numpy().sum() == 4
        assert shown.loc["a", "x"] == "*"
        assert shown.loc["Total"].tolist() == ["46", "71", "126", "243"]

    def test_totals_are_rounded_from_true_totals(self):
        table = pd.DataFrame([[12, 12], [12, 12]])
        shown = protect_table(table, profile="nhs")
        assert shown.loc[0].tolist() == ["10", "10", "25"]
        assert shown.loc["Total"].tolist() == ["25", "25", "50"]

    def test_a_table_without_small_cells_is_shown_whole(self):
        assert "*" not in protect_table(TABLE + 10, profile="under_5").to_numpy()

    def test_a_single_row_cannot_be_protected(self):
        with pytest.raises(DisclosureError, match="whatever else is hidden"):
            protect_table(TABLE.head(1), profile="under_5")
