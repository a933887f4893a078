"""A frame of one's own that lacks a column is refused with the column's name and what there is."""

import pandas as pd
import pytest

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.agencies import plan
from lsp_analysis.standing.change import process, trends
from lsp_analysis.standing.comparison import funnels
from lsp_analysis.standing.inequality import life, space
from lsp_analysis.standing.place import groups, residents
from lsp_analysis.study.indicator import Indicator

NOTHING = pd.DataFrame({"Perid": [1], "vale": [2.0]})
SHARE = Indicator("x", "Pupils absent", "percent", "proportion", 100.0, "low_is_good")
CALLS = {
    "plan": lambda: plan.plan_progress(NOTHING, NOTHING),
    "process": lambda: process.process_chart(NOTHING),
    "trend": lambda: trends.recent_trend(NOTHING),
    "season": lambda: trends.same_season(NOTHING),
    "share": lambda: trends.proportion_trend(NOTHING, indicator=SHARE),
    "funnel": lambda: funnels.funnel(NOTHING, indicator=SHARE),
    "life": lambda: life.life_expectancy(NOTHING),
    "moran": lambda: space.moran(pd.Series([1.0, 2.0, 3.0]), NOTHING),
    "series": lambda: groups.group_series(NOTHING, ["a"], indicator=SHARE),
    "people": lambda: residents.people(NOTHING, area=["a"], comparator=["b"]),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_missing_column_is_named(name):
    with pytest.raises(PanelError, match=r"has no column '.+'; it has Perid, vale\."):
        CALLS[name]()
