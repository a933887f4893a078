"""Area and period effects are taken out exactly, and counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effect_worlds import panel

from lsp_analysis.effects.regressions import absorb
from lsp_analysis.effects.regressions.absorb import absorber
from lsp_analysis.errors import PanelError


def by_dummies(frame: pd.DataFrame, column: str, weights: np.ndarray | None = None):
    """Residuals of a regression on every dummy, and the rank of the dummies."""
    dummies = pd.get_dummies(frame[["area_code", "period"]].astype(str), dtype=float).to_numpy()
    root = np.ones(len(frame)) if weights is None else np.sqrt(weights)
    fit = np.linalg.lstsq(dummies * root[:, None], frame[column].to_numpy() * root, rcond=None)
    return frame[column].to_numpy() - dummies @ fit[0], int(fit[2])


def pieces(shape: str) -> pd.DataFrame:
    frame = panel(n_areas=9, n_periods=6, seed=3)
    shuffled = frame.sample(frac=1, random_state=1)
    return {
        "sorted": frame,
        "shuffled": shuffled,
        "with gaps": shuffled.iloc[:40],
        "with repeats": pd.concat([frame, frame.iloc[:7]]),
        "more periods than areas": frame[frame["area_code"].isin(["E000", "E001", "E002"])],
    }[shape]


@pytest.mark.parametrize(
    "shape", ["sorted", "shuffled", "with gaps", "with repeats", "more periods than areas"]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_left_is_what_dummies_leave(shape, weighted):
    frame = pieces(shape)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(frame)) if weighted else None
    effects = absorber(frame["area_code"], frame["period"], weights)
    expected, rank = by_dummies(frame, "rate", weights)
    assert effects.demean(frame["rate"].to_numpy()) == pytest.approx(expected, abs=1e-9)
    assert effects.rank == rank


def test_a_panel_in_two_unconnected_parts_has_one_effect_less():
    frame = panel(n_areas=6, n_periods=8)
    early = frame["period"] < frame["period"].sort_values().iloc[24]
    first = frame["area_code"].isin(["E000", "E001", "E002"])
    parts = frame[early == first]
    effects = absorber(parts["area_code"], parts["period"])
    assert effects.rank == by_dummies(parts, "rate")[1] == 6 + 8 - 2


def test_several_columns_are_taken_together():
    frame = pieces("with gaps")
    effects = absorber(frame["area_code"], frame["period"])
    both = effects.demean(frame[["rate", "x"]].to_numpy())
    assert both[:, 1] == pytest.approx(effects.demean(frame["x"].to_numpy()))


def test_a_row_without_an_area_is_refused():
    with pytest.raises(PanelError, match="no area"):
        absorber(np.array(["a", None, "b"], dtype=object), np.array([1, 2, 3]))


def test_a_cross_table_too_large_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr(absorb, "MOST_CELLS", 10)
    frame = pieces("with gaps")
    with pytest.raises(PanelError, match="longer periods"):
        absorber(frame["area_code"], frame["period"])
