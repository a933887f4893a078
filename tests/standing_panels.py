"""Small made-up panels that the tests of `standing` share."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from lsp_analysis.standing.change.gaps import Gap, gap_between
from lsp_analysis.standing.comparison.baseline import Comparison, Sides, compare_measured
from lsp_analysis.standing.comparison.measured import Measured
from lsp_analysis.study.indicator import Indicator

RATE = Indicator("burglary", "Burglary", "per_1000", "rate", 1000.0, "low_is_good")
SHARE = Indicator("smoking", "Smoking", "percent", "proportion", 100.0, "low_is_good")
CLAIMS = Indicator("claims", "Claims", "per_1000", "person_periods", 1000.0, "low_is_good")
SCORE = Indicator("score", "Deprivation score", "score", "score", 1.0, "low_is_good")
COUNT = Indicator("fires", "Fires", "count", "count", 1.0, "low_is_good")


def panel_of(
    numerators: np.ndarray, denominators: np.ndarray, *, multiplier: float, start: str = "2004"
) -> pd.DataFrame:
    """A yearly panel from arrays of areas by years; areas are named A00, A01 and so on."""
    numerators, denominators = np.broadcast_arrays(
        np.asarray(numerators, float), np.asarray(denominators, float)
    )
    n_areas, n_periods = numerators.shape
    codes = [f"A{i:02}" for i in range(n_areas)]
    periods = pd.period_range(start, periods=n_periods, freq="Y")
    index = pd.MultiIndex.from_product([codes, periods], names=["area_code", "period"])
    panel = index.to_frame(index=False)
    panel["numerator"], panel["denominator"] = numerators.ravel(), denominators.ravel()
    panel["value"] = multiplier * panel["numerator"] / panel["denominator"].replace(0, np.nan)
    return panel.assign(note="")


def codes(*numbers: int) -> list[str]:
    return [f"A{i:02}" for i in numbers]


def measured_of(panel: pd.DataFrame, indicator: Indicator) -> Measured:
    """A panel of years as it would come out of a study."""
    return Measured(indicator.seen_in(panel), panel, panel)


def compare(panel: pd.DataFrame, *, indicator: Indicator, **sides: object) -> Comparison:
    """Two groups of areas of a panel compared."""
    return compare_measured(measured_of(panel, indicator), Sides(**sides))


def gap(
    panel: pd.DataFrame, *, area: list[str], comparator: list[str], indicator: Indicator,
    **names: object,
) -> Gap:  # fmt: skip
    """The gap between two groups of areas of a panel."""
    return gap_between(measured_of(panel, indicator), Sides(area, comparator, **names))


def place_with(table: pd.DataFrame, *, people: float, elsewhere: float = 0.0) -> SimpleNamespace:
    """A brief of the neighbourhood N1, of the one small area A01, in 2008; its study is a table."""

    def population(codes: list[str]) -> tuple[float, object]:
        return (people if codes == ["A01"] else elsewhere), "2008"

    study = SimpleNamespace(read=lambda name: table, has=lambda name: False)
    return SimpleNamespace(
        study=study,
        area=SimpleNamespace(name="the area", code="N1", members=("A01",)),
        comparators={"the rest of the borough": ["B07"]},
        panels={"one": pd.DataFrame({"period": pd.period_range("2008-01", "2008-12", freq="M")})},
        population=population,
    )
