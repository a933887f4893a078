"""A programme rolled out area by area, by diff-diff on true dates."""

from __future__ import annotations

import contextlib
import io
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from effect_worlds import codes

from lsp_analysis import Question
from lsp_analysis.effects import rollout_effect
from lsp_analysis.errors import PanelError, ParameterError

pytest.importorskip("diff_diff")


def counties(*, effect: float = -0.05, seed: int = 0) -> tuple[pd.DataFrame, dict[str, int]]:
    """Employment of 200 counties in 2003-2007, some with a higher minimum wage from some year."""
    rng = np.random.default_rng(seed)
    years = np.arange(2003, 2008)
    begun = rng.choice([0, 2004, 2006, 2007], 200, p=[0.6, 0.1, 0.1, 0.2])
    since = np.where(begun[:, None] > 0, years - begun[:, None], -1)
    level = rng.normal(6, 1, (200, 1)) + 0.02 * (years - 2003)
    value = level + effect * (since + 1) * (since >= 0) + rng.normal(0, 0.05, (200, 5))
    frame = pd.DataFrame(
        {
            "area_code": np.repeat(codes(200), 5),
            "period": np.tile(years, 200),
            "lemp": value.ravel(),
        }
    )
    return frame, {code: int(y) for code, y in zip(codes(200), begun, strict=True) if y}


def asked(frame: pd.DataFrame, starts: dict[str, int]) -> Question:
    return Question.from_frame(frame, "lemp", None, starts)


@pytest.mark.parametrize("aggregate", ["simple", "dynamic"])
@pytest.mark.parametrize("missing", [None, 2005])
def test_it_is_csdid_on_the_same_dates(aggregate, missing):
    """Callaway and Sant'Anna's own port, also on a panel that lacks a year."""
    att_gt = pytest.importorskip("csdid.att_gt")
    frame, starts = counties()
    frame = frame[frame["period"] != missing]
    found = rollout_effect(asked(frame, starts), aggregate=aggregate)
    numbered = frame.assign(
        id=frame["area_code"].str[1:].astype(int), g=frame["area_code"].map(starts).fillna(0)
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        model = att_gt.ATTgt(
            yname="lemp", gname="g", idname="id", tname="period", data=numbered, xformla="lemp~1"
        ).fit(est_method="reg")
        expected = model.aggte(typec=aggregate, bstrap=False, cband=False).atte
    assert found.estimate == pytest.approx(float(expected["overall_att"]), abs=1e-8)
    assert found.error == pytest.approx(float(expected["overall_se"]), rel=0.02)


def test_times_since_the_start_are_dates_and_effects_are_those_put_in():
    frame, starts = counties()
    found = rollout_effect(asked(frame[frame["period"] != 2005], starts))
    table = found.by_time.set_index("relative_period")
    assert set(table.index) <= {-4, -3, -2, -1, 0, 1, 2, 3}
    assert table.loc[3, "estimate"] == pytest.approx(-0.2, abs=0.05)
    assert table.loc[0, "estimate"] == pytest.approx(-0.05, abs=0.03)
    assert found.low < found.estimate < found.high < 0
    assert "staggered starts" in found.method
    assert found.plot() is not None


def test_few_treated_areas_get_no_interval():
    frame, starts = counties()
    few = dict(list(starts.items())[:3])
    kept = frame[frame["area_code"].isin(few) | ~frame["area_code"].isin(starts)]
    found = rollout_effect(asked(kept, few))
    assert math.isnan(found.p_value)
    assert "with 3 treated clusters" in found.warnings[0]


def test_one_start_and_unknown_words_are_refused():
    frame, starts = counties()
    with pytest.raises(PanelError, match="`did` is the method"):
        rollout_effect(Question.from_frame(frame, "lemp", codes(5), 2006))
    for change in ({"comparison": "later"}, {"aggregate": "all"}):
        with pytest.raises(ParameterError, match="Choose from"):
            rollout_effect(asked(frame, starts), **change)
