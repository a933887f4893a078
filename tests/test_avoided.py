"""Events avoided."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import CLAIMS, RATE, SCORE, codes, panel_of

from lsp_analysis.standing.comparison.baseline import Sides, events_avoided
from lsp_analysis.standing.comparison.measured import Measured

HERE, ELSEWHERE = codes(0), codes(1, 2)


def closing(end: float = 60) -> pd.DataFrame:
    return panel_of(
        [[90, 75, end], [60, 58, 55], [61, 60, 54]], [[1000], [1200], [1100]], multiplier=1000
    )


def avoided(panel: pd.DataFrame, indicator):
    measured = Measured(indicator, panel, panel)
    found = events_avoided(measured, Sides(HERE, ELSEWHERE))
    return found.table.iloc[0], found.sentence()


def test_events_avoided_are_events_less_those_at_the_other_rate():
    found, said = avoided(closing(), RATE)
    assert found.events == pytest.approx(60 - 1000 * (55 + 54) / 2300)
    assert found.low < found.events < found.high
    assert "13 fewer" in said


def test_an_area_below_its_comparator_would_have_had_more():
    found, said = avoided(closing(end=20), RATE)
    assert found.events < 0
    assert "27 more" in said


def test_stocks_are_counted_and_scores_are_not():
    claims, of_claims = avoided(closing(), CLAIMS)
    score, of_score = avoided(closing(), SCORE)
    assert claims.events == pytest.approx(60 - 1000 * 109 / 2300)
    assert "13 fewer in 2006 (claims; 95% interval" in of_claims
    assert np.isnan(score.events)
    assert "cannot be worked out" in of_score
