"""Moran's I."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.standing.inequality.space import moran


def grid(rows: int, columns: int) -> pd.DataFrame:
    """Areas of a grid that share an edge, both ways round."""
    pairs = []
    for row in range(rows):
        for column in range(columns):
            here = f"{row}-{column}"
            for near in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                if 0 <= near[0] < rows and 0 <= near[1] < columns:
                    pairs.append((here, f"{near[0]}-{near[1]}"))
    return pd.DataFrame(pairs, columns=["area_code", "neighbour_code"])


def values_on(neighbours: pd.DataFrame, make) -> pd.Series:
    codes = neighbours["area_code"].unique()
    return pd.Series({code: make(*map(int, code.split("-"))) for code in codes}, dtype=float)


def test_a_slope_is_clustered_and_a_chessboard_is_not():
    map_ = grid(8, 8)
    slope = moran(values_on(map_, lambda row, column: row), map_, permutations=199)
    chess = moran(values_on(map_, lambda row, column: (row + column) % 2), map_, permutations=199)
    assert slope.value > 0.8
    assert chess.value == pytest.approx(-1)
    assert slope.p_permuted == chess.p_permuted == pytest.approx(0.01)
    assert "more alike" in slope.sentence()
    assert "less alike" in chess.sentence()


def test_normal_and_permuted_p_values_agree_for_noise():
    map_ = grid(10, 10)
    rng = np.random.default_rng(6)
    found = moran(values_on(map_, lambda *_: rng.normal()), map_, permutations=1999)
    assert found.p_permuted == pytest.approx(found.p_value, abs=0.05)
    assert found.permuted.mean() == pytest.approx(found.expected, abs=0.01)
    assert found.permuted.var() == pytest.approx(found.variance, rel=0.15)


def test_it_agrees_with_esda_on_an_irregular_map():
    esda = pytest.importorskip("esda.moran")
    libpysal = pytest.importorskip("libpysal.weights")
    map_ = grid(5, 7)[:-9]  # some boundaries go one way only: weights need not be symmetric
    rng = np.random.default_rng(1)
    values = values_on(map_, lambda *_: rng.gamma(2))
    ours = moran(values, map_, permutations=0)
    near = {code: [] for code in values.index}
    for own, other in map_.itertuples(index=False):
        if other in near:
            near[own].append(other)
    weights = libpysal.W(near, silence_warnings=True, id_order=list(values.index))
    theirs = esda.Moran(values.to_numpy(), weights, permutations=0)
    assert ours.value == pytest.approx(theirs.I)
    assert ours.variance == pytest.approx(theirs.VI_norm)
    local = esda.Moran_Local(values.to_numpy(), weights, permutations=0)
    assert ours.local["local_i"].tolist() == pytest.approx(local.Is.tolist())
    assert ours.local["quadrant"].tolist() == local.q.tolist()


def test_local_p_values_find_the_hot_corner():
    map_ = grid(9, 9)
    rng = np.random.default_rng(4)
    hot = values_on(map_, lambda r, c: rng.normal() + 6 * (r < 3 and c < 3))
    local = moran(hot, map_, permutations=499, seed=1).local.set_index("area_code")
    assert local.loc["0-0", "pattern"] == "high among high"
    assert local.loc["0-0", "p_value"] < 0.02
    far = local.loc[[c for c in local.index if int(c[0]) > 4 and int(c[2]) > 4], "p_value"]
    assert (far < 0.02).mean() < 0.3


def test_a_missing_area_is_left_out_and_an_island_is_counted():
    map_ = grid(3, 3)
    values = values_on(map_, lambda row, column: row * 3 + column)
    values["0-1"] = np.nan
    values["1-0"] = np.nan
    found = moran(values, map_, permutations=0)
    assert found.n_areas == 7
    assert found.n_islands == 1
    assert "1 of 7 has no neighbours" in found.sentence()


def test_a_seed_fixes_what_is_drawn():
    map_ = grid(4, 4)
    values = values_on(map_, lambda row, column: row + column**2)
    one, same, other = (moran(values, map_, permutations=99, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.permuted, same.permuted)
    assert not np.array_equal(one.permuted, other.permuted)


def test_a_map_without_variation_or_neighbours_is_refused():
    map_ = grid(3, 3)
    with pytest.raises(PanelError, match="differ"):
        moran(values_on(map_, lambda *_: 1.0), map_)
    with pytest.raises(PanelError, match="neighbours"):
        moran(values_on(map_, lambda row, column: row), map_.assign(neighbour_code="elsewhere"))


def test_nothing_is_drawn_without_permutations():
    map_ = grid(3, 3)
    found = moran(values_on(map_, lambda row, column: row), map_, permutations=0)
    with pytest.raises(ParameterError, match="permutations"):
        found.plot()
