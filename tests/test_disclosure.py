"""Small counts stay withheld, also from those who can subtract."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from lsp_analysis.disclosure.deduction import (
    Knowledge,
    feasible_intervals,
    sum_matrix,
    with_margins,
)
from lsp_analysis.disclosure.profiles import PROFILES, find_profile, shown_count
from lsp_analysis.disclosure.suppression import protect_table, withhold
from lsp_analysis.errors import DisclosureError

TABLE = pd.DataFrame(
    [[3, 22, 41], [15, 30, 52], [28, 19, 33]], index=list("abc"), columns=["x", "y", "z"]
)
SHAPES = [(4, 4), (6, 3), (5, 5), (3, 3, 3)]


def cases(shared, name):
    path = shared("gold") / "indicators" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"]


def attacked(full, hidden, sums, profile):
    """Ranges of withheld cells by dense linear programs, from what is shown and nothing else.

    Written without the package's own audit: each sum is an equation, each cell shown is known to
    within its rounding, each withheld one is at least 1, and
    small where the rule rounds and it is no total.
    """
    n = len(full)
    equations = np.zeros((len(sums), n))
    for line, (total, parts) in enumerate(sums):
        equations[line, parts] += 1.0
        equations[line, total] -= 1.0
    bounds, totals = [], {total for total, _ in sums}
    for cell, (value, withheld) in enumerate(zip(full, hidden, strict=True)):
        shown = profile.base * math.floor(value / profile.base + 0.5)
        least = profile.base * math.ceil((profile.hidden_to + 1) / profile.base)
        shown = max(shown, least) if value > profile.hidden_to else shown
        if withheld:
            bounds.append(
                (1, profile.hidden_to if profile.base > 1 and cell not in totals else None)
            )
        elif shown == 0:
            bounds.append((0, 0))
        else:
            low, high = shown - profile.base // 2, shown + (profile.base - 1) // 2
            low = profile.hidden_to + 1 if shown == least else low
            bounds.append((max(low, profile.hidden_to + 1), high))
    ranges = []
    for cell in np.flatnonzero(hidden):
        aim = np.zeros(n)
        aim[cell] = 1.0
        ends = [
            linprog(sign * aim, A_eq=equations, b_eq=np.zeros(len(sums)), bounds=bounds)
            for sign in (1, -1)
        ]
        assert ends[0].status == 0
        low, high = ends[0].fun, -ends[1].fun if ends[1].status == 0 else math.inf
        known_large = profile.base > 1 and low > profile.hidden_to  # a total that protects others
        ranges.append(math.inf if known_large else high - low)
    return np.array(ranges)


def random_table(rng, shape):
    mean = rng.choice([6.0, 12.0, 25.0])
    return rng.negative_binomial(1, 1 / (1 + mean), size=shape).astype(float)


def test_counts_are_shown_as_the_reference_says(shared):
    for case in cases(shared, "nhs_small_numbers"):
        assert shown_count(**case["input"]) == case["expected"]["shown"]


@pytest.mark.parametrize("count", range(60))
def test_a_shown_count_is_a_multiple_of_five_within_two_of_the_truth(count):
    shown = shown_count(count)
    if 1 <= count <= 7:
        assert shown == "*"
    else:
        assert int(shown) % 5 == 0
        assert abs(int(shown) - count) <= 2


@pytest.mark.parametrize(
    ("name", "largest_withheld"),
    [("open", 0), ("ons_3", 2), ("ons_5", 4), ("tre_10", 9), ("custom:6", 6), ("custom:11,3", 11)],
)
def test_each_profile_withholds_up_to_its_limit_and_shows_zero(name, largest_withheld):
    shown = [shown_count(count, name) for count in range(20)]
    assert shown[0] == "0"
    assert [count for count, text in enumerate(shown) if text == "*"] == list(
        range(1, largest_withheld + 1)
    )


@pytest.mark.parametrize(
    "profile", ["nhs", "custom:2,3", "custom:4,10", "custom:6,3", "custom:8,4", "ons_5"]
)
def test_the_limits_of_a_shown_count_are_all_counts_that_are_shown_like_it(profile):
    rule = find_profile(profile)
    counts = np.array([0, *range(rule.hidden_to + 1, 80)])
    shown = rule.rounded(counts)
    low, high = rule.limits(shown)
    assert not rule.is_small(shown).any()
    for value in np.unique(shown[counts < 60]):
        alike = counts[shown == value]
        assert low[shown == value][0] == alike.min()
        assert high[shown == value][0] == alike.max()


def test_a_missing_count_is_a_dash_and_what_is_no_count_is_refused():
    assert shown_count(float("nan")) == "–"
    for wrong in (-1, 2.5):
        with pytest.raises(DisclosureError, match="is no count"):
            shown_count(wrong)


@pytest.mark.parametrize("name", ["", None, "nsh", "custom:0", "custom:x", float("nan")])
def test_an_unknown_profile_is_refused_with_the_choices(name):
    with pytest.raises(DisclosureError, match=r"Choose one of open, nhs, ons_3, ons_5, tre_10"):
        find_profile(name)


def test_what_an_intruder_can_deduce_is_what_the_reference_says(shared):
    for case in cases(shared, "suppression_audit"):
        given = case["input"]
        found = feasible_intervals(
            np.array(given["table"]), given["suppressed"], margins_published=True
        )
        for name, (low, high) in case["expected"]["intervals"].items():
            cell = tuple(map(int, name.split(",")))
            assert found[cell] == pytest.approx((low, high), rel=1e-6)


def test_without_margins_nothing_can_be_deduced():
    assert feasible_intervals(TABLE, [(0, 0)], margins_published=False) == {(0, 0): (0, math.inf)}


def test_totals_of_every_dimension_are_part_of_a_table():
    counts = np.arange(24.0).reshape(2, 3, 4)
    full, sums = with_margins(counts)
    assert full.max() == counts.sum()
    assert np.abs(sum_matrix(len(full), sums) @ full).max() == 0


def test_the_quick_audit_finds_the_cells_that_two_programs_each_find():
    rng = np.random.default_rng(5)
    for _ in range(8):
        full, sums = with_margins(random_table(rng, (5, 5)))
        hidden = rng.random(len(full)) < 0.3
        low = np.where(hidden, 1.0, full)
        low[hidden & (full == 0)] = 0
        known = Knowledge(low, np.where(hidden, np.inf, full), sum_matrix(len(full), sums))
        cells = np.flatnonzero(hidden).tolist()
        slow = {c for c, (a, b) in known.ranges(cells).items() if b - a < 2 - 1e-6}
        assert set(known.narrow(cells, 2.0)) == slow
        assert set(known.narrow(cells, 2.0, truth=full)) == slow


@pytest.mark.parametrize(
    ("profile", "exact"),
    [
        *((name, False) for name in ("ons_5", "nhs", "custom:6,3")),
        *(
            pytest.param(name, exact, marks=pytest.mark.slow)
            for name, exact in (("ons_3", False), ("tre_10", False), ("ons_5", True))
        ),
        ("nhs", True),
    ],
)
def test_no_withheld_count_of_random_tables_is_known_more_narrowly_than_allowed(profile, exact):
    rule, rng = find_profile(profile), np.random.default_rng([11, exact])
    for shape in SHAPES:
        full, sums = with_margins(random_table(rng, shape))
        if exact and rule.is_small(full).sum() > 8:
            continue
        found = withhold(full, sum_matrix(len(full), sums), rule, exact=exact)
        assert found[rule.is_small(full)].all()
        assert (attacked(full, found, sums, rule) >= rule.width - 1e-6).all()


def test_greedy_withholds_little_more_than_the_optimum():
    rule, rng = find_profile("ons_5"), np.random.default_rng(3)
    few = many = small = 0
    for _ in range(6):
        full, sums = with_margins(random_table(rng, (5, 4)))
        matrix = sum_matrix(len(full), sums)
        few += withhold(full, matrix, rule, exact=True).sum()
        many += withhold(full, matrix, rule, exact=False).sum()
        small += rule.is_small(full).sum()
    few, many = few - small, many - small
    assert 0 < few <= many <= 1.5 * few


def test_rounding_alone_does_not_protect_twelve_months_of_one_each_so_the_year_goes():
    """Twelve counts of 1 make 12, shown as 10: each of them could only be 1."""
    full, sums = with_margins(np.ones(12))
    rule = find_profile("nhs")
    assert attacked(full, rule.is_small(full), sums, rule).max() == 0
    found = withhold(full, sum_matrix(13, sums), rule)
    assert found[-1]
    assert attacked(full, found, sums, rule).min() >= rule.width


def test_what_an_earlier_release_withheld_stays_withheld_and_what_it_showed_protects_nobody():
    rule, rng = find_profile("ons_5"), np.random.default_rng(8)
    for _ in range(6):
        table = random_table(rng, (5, 4))
        full, sums = with_margins(table)
        matrix = sum_matrix(len(full), sums)
        first = withhold(full, matrix, rule)
        more = np.column_stack([table, rng.integers(5, 60, len(table))])
        later, later_sums = with_margins(more)
        same = np.zeros((6, 6), dtype=bool)
        same[:, :4] = True  # the total of a row is another number now
        before, shown = np.zeros((6, 6), dtype=bool), np.zeros((6, 6), dtype=bool)
        before[:, :4] = first.reshape(6, 5)[:, :4]
        shown[:, :4] = ~first.reshape(6, 5)[:, :4]
        second = withhold(
            later,
            sum_matrix(len(later), later_sums),
            rule,
            before=before.ravel(),
            shown_before=shown.ravel(),
        )
        assert second[before.ravel()].all()
        assert not second[shown.ravel()].any()
        assert (attacked(later, second, later_sums, rule) >= rule.width - 1e-6).all()


def test_a_small_count_that_was_shown_before_stops_the_release():
    full, sums = with_margins(TABLE.to_numpy(float))
    with pytest.raises(DisclosureError, match="earlier release"):
        withhold(
            full,
            sum_matrix(len(full), sums),
            find_profile("ons_5"),
            shown_before=np.ones(len(full), dtype=bool),
        )


class TestATableToHandOn:
    def test_totals_stay_and_companions_go_with_the_small_count(self):
        shown = protect_table(TABLE, profile="ons_5")
        assert shown.loc["Total", "Total"] == str(TABLE.to_numpy().sum())
        assert shown.loc["a", "x"] == "*"
        assert (shown == "*").to_numpy().sum() == 4

    @pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"open"}))
    def test_no_small_count_is_printed(self, profile):
        rule = find_profile(profile)
        text = protect_table(TABLE, profile=profile).to_numpy().ravel()
        printed = [int(cell) for cell in text if cell != "*"]
        assert not rule.is_small(np.array(printed)).any()

    def test_a_table_without_small_counts_is_printed_whole(self):
        assert "*" not in protect_table(TABLE + 10, profile="ons_5").to_numpy()

    def test_order_of_rows_and_columns_does_not_matter_to_how_much_goes(self):
        sizes = set()
        for rows in itertools.permutations(range(3)):
            shown = protect_table(TABLE.iloc[list(rows)], profile="ons_5")
            sizes.add(int((shown == "*").to_numpy().sum()))
        assert sizes == {4}
