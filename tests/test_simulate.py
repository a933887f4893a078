"""Simulated boroughs: what was asked for is there, and the truth written beside it is the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from boroughs import simulated
from demo.graph import as_graph, planar_graph, worst_group

from lsp_analysis.errors import ParameterError

GRAPH = planar_graph(177, seed=7)


def counts(borough) -> np.ndarray:
    """Areas x months of counts, areas in code order."""
    table = borough.panel.set_index(["area_code", "period"])["count"]
    return table.to_numpy().reshape(table.index.levshape)


def is_connected(members, pairs) -> bool:
    reached, members = {members[0]}, set(members)
    while grown := {b for a, b in pairs if a in reached and b in members} - reached:
        reached |= grown
    return reached == members


def test_a_seed_gives_the_same_borough_again_and_another_seed_another():
    first, again, other = (simulated(areas=GRAPH, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first.panel, again.panel)
    assert first == again
    assert not first.panel["count"].equals(other.panel["count"])


def test_the_panel_has_one_row_per_area_and_month():
    borough = simulated(areas=30, n_periods=24, seed=1)
    assert list(borough.panel) == ["area_code", "period", "count", "population"]
    assert len(borough.panel) == 30 * 24
    assert not borough.panel.duplicated(["area_code", "period"]).any()
    assert borough.panel["period"].dtype == "period[M]"
    assert borough.panel.groupby("area_code")["population"].nunique().eq(1).all()


@pytest.mark.parametrize("mean_count", [0.5, 8, 50])
def test_the_mean_count_is_the_one_asked_for(mean_count):
    drawn = [
        simulated(areas=GRAPH, mean_count=mean_count, seed=s).panel["count"].mean()
        for s in range(20)
    ]
    assert np.mean(drawn) == pytest.approx(mean_count, rel=0.03)


def test_counts_without_overdispersion_are_poisson():
    borough = simulated(
        areas=GRAPH, overdispersion=0, seasonality=0, level_sd=0, population_sd=0, seed=3
    )
    assert counts(borough).var() / counts(borough).mean() == pytest.approx(1, abs=0.05)


def test_overdispersion_is_the_squared_variation_of_the_shocks():
    settings = {"seasonality": 0, "level_sd": 0, "population_sd": 0, "spatial": 0}
    borough = simulated(
        areas=GRAPH, mean_count=20, overdispersion=0.3, autocorrelation=0, seed=3, **settings
    )
    drawn = counts(borough)
    assert (drawn.var() - drawn.mean()) / drawn.mean() ** 2 == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize("autocorrelation", [0.0, 0.4, 0.9])
def test_autocorrelation_carries_shocks_from_month_to_month(autocorrelation):
    borough = simulated(
        areas=GRAPH,
        n_periods=240,
        mean_count=500,
        overdispersion=0.2,
        autocorrelation=autocorrelation,
        spatial=0,
        seasonality=0,
        seed=5,
    )
    logs = np.log(counts(borough))
    logs -= logs.mean(axis=1, keepdims=True)
    found = (logs[:, 1:] * logs[:, :-1]).mean() / (logs**2).mean()
    assert found == pytest.approx(autocorrelation, abs=0.06)


def test_neighbours_are_alike_only_when_there_is_spatial_correlation():
    def likeness(spatial):
        found = []
        for seed in range(15):
            level = np.log(simulated(areas=GRAPH, spatial=spatial, seed=seed).truth.level)
            level = (level - level.mean()).to_numpy()
            found.append((GRAPH.matrix * np.outer(level, level)).sum() / GRAPH.matrix.sum())
        return np.mean(found) / 0.5**2

    assert likeness(0.0) == pytest.approx(0, abs=0.06)
    assert 0.15 < likeness(0.5) < likeness(0.9)


def test_seasons_peak_in_july_and_trends_go_on():
    borough = simulated(areas=GRAPH, mean_count=50, seasonality=0.3, trend=0.2, seed=1)
    by_month = borough.panel.groupby(borough.panel["period"].dt.month)["count"].mean()
    by_year = borough.panel.groupby(borough.panel["period"].dt.year)["count"].mean()
    assert by_month.idxmax() in (6, 7, 8)
    assert by_year.is_monotonic_increasing
    assert np.log(by_year.iloc[-1] / by_year.iloc[0]) == pytest.approx(0.2 * 4, abs=0.15)


@pytest.mark.parametrize("effect", [-0.5, pytest.param(0.3, marks=pytest.mark.slow)])
def test_the_effect_is_there_on_average_and_only_in_the_treated_months(effect):
    relative, absolute = [], []
    for seed in range(40):
        plain, changed = (
            simulated(areas=GRAPH, effect=e, mean_count=20, group_size=4, seed=seed)
            for e in (0.0, effect)
        )
        assert plain.treated == changed.treated
        touched = plain.panel["area_code"].isin(plain.treated) & (
            plain.panel["period"] >= plain.start
        )
        pd.testing.assert_frame_equal(plain.panel[~touched], changed.panel[~touched])
        before, after = plain.panel["count"][touched].sum(), changed.panel["count"][touched].sum()
        relative.append(after / before - 1)
        months = plain.panel["period"][touched].nunique()
        absolute.append((after - before) / months - changed.truth.absolute)
    assert np.mean(relative) == pytest.approx(np.expm1(effect), abs=0.02)
    assert np.mean(absolute) == pytest.approx(0, abs=0.6)


def test_counts_are_poisson_with_an_effect_too():
    settings = {"overdispersion": 0, "seasonality": 0, "level_sd": 0, "population_sd": 0}
    drawn = []
    for seed in range(60):
        b = simulated(areas=GRAPH, mean_count=10, effect=-0.4, seed=seed, **settings)
        rows = b.panel["area_code"].isin(b.treated) & (b.panel["period"] >= b.start)
        drawn.extend(b.panel["count"][rows])
    assert np.var(drawn) / np.mean(drawn) == pytest.approx(1, abs=0.1)


def test_the_neighbourhood_is_the_area_with_the_worst_observed_rate_in_the_window():
    borough = simulated(areas=GRAPH, selection_window=6, start=30, seed=11)
    window = borough.panel[
        borough.panel["period"].between(borough.start - 6, borough.start - 1, inclusive="both")
    ]
    totals = window.groupby("area_code").agg(count=("count", "sum"), people=("population", "sum"))
    assert borough.treated == ((totals["count"] / totals["people"]).idxmax(),)


def test_what_was_picked_for_looking_worst_looks_better_afterwards_without_any_effect():
    change = []
    for seed in range(40):
        b = simulated(areas=GRAPH, mean_count=2, selection_window=6, seed=seed)
        rows = b.panel[b.panel["area_code"].isin(b.treated)]
        before = rows[rows["period"].between(b.start - 6, b.start - 1)]["count"].mean()
        change.append(rows[rows["period"] >= b.start]["count"].mean() / before - 1)
    assert np.mean(change) < -0.1


@pytest.mark.parametrize("size", [1, 4, 9])
def test_groups_are_of_the_size_asked_for_and_in_one_piece(size):
    for seed in range(10):
        borough = simulated(areas=GRAPH, group_size=size, seed=seed)
        assert len(set(borough.treated)) == size
        assert is_connected(borough.treated, borough.neighbours)


def test_the_group_is_as_bad_as_the_worst_found_by_trying_every_group():
    graph = planar_graph(40, seed=2)
    rng = np.random.default_rng(1)
    count, population = rng.poisson(30, 40), rng.integers(1_000, 2_000, 40)
    touching = [set(np.flatnonzero(row)) for row in graph.matrix]
    groups = {frozenset({i}) for i in range(40)}
    for _ in range(2):
        groups = {g | {j} for g in groups for i in g for j in touching[i] - g}
    rates = sorted(count[list(g)].sum() / population[list(g)].sum() for g in groups)
    found = worst_group(count, population, graph, 3)
    assert count[found].sum() / population[found].sum() >= rates[-3]


def test_made_up_maps_are_planar_connected_and_have_five_to_six_neighbours():
    for seed in range(5):
        graph = planar_graph(177, seed=seed)
        assert (graph.matrix == graph.matrix.T).all()
        assert not graph.matrix.diagonal().any()
        assert graph.matrix.sum() / 2 <= 3 * 177 - 6
        assert 5 < graph.matrix.sum(axis=1).mean() < 6
        assert is_connected(graph.codes, graph.pairs)


def test_a_map_can_be_given_as_pairs_in_one_direction_or_as_a_frame_in_both():
    one_way = [("E2", "E1"), ("E2", "E3")]
    both = pd.DataFrame(
        {"area_code": ["E1", "E2", "E2", "E3"], "neighbour_code": ["E2", "E1", "E3", "E2"]}
    )
    assert as_graph(one_way).pairs == as_graph(both).pairs
    borough = simulated(areas=both, seed=1)
    assert set(borough.panel["area_code"]) == {"E1", "E2", "E3"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mean_count": 0}, "mean_count is 0"),
        ({"overdispersion": -1}, "overdispersion is -1"),
        ({"autocorrelation": 1.0}, "autocorrelation is 1.0"),
        ({"start": 60}, "start is 60"),
        ({"start": 10, "selection_window": 12}, "window of 12"),
        ({"areas": [("E1", "E2"), ("E3", "E4")], "group_size": 3}, "No 3 areas"),
        ({"areas": []}, "no two neighbouring areas"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_name(settings, words):
    with pytest.raises(ParameterError, match=words):
        simulated(seed=1, **settings)
