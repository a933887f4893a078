"""The table `observations` from what was drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from demo.outcomes import Drawn
from demo.people import BANDS, SEXES

# One cell the publisher withheld: indicator, area, first day of the period.
SUPPRESSED = ("neet", "E01004786", "2004-04-01")


def observations_table(codes: np.ndarray, drawn: list[Drawn]) -> pd.DataFrame:
    """The table `observations`, with its notes and its suppressed cell."""
    parts = []
    for one in drawn:
        if one.measure.ages:
            parts.append(_rows(codes, one, [SEXES, BANDS], one.numerator, one.denominator))
            axes = (2, 3)
            total = one.numerator.sum(axis=axes), one.denominator.sum(axis=axes)
        else:
            total = one.numerator, one.denominator
        parts.append(_rows(codes, one, [["all"], ["all"]], *total))
    table = pd.concat(parts, ignore_index=True)
    indicator_id, code, start = SUPPRESSED
    hidden = (
        (table["indicator_id"] == indicator_id)
        & (table["area_code"] == code)
        & (table["period_start"] == pd.Timestamp(start))
    )
    table.loc[hidden, "numerator"] = np.nan
    table.loc[hidden, "note"] = "suppressed"
    keys = ["indicator_id", "area_code", "period_start"]
    return table.sort_values(keys, kind="stable", ignore_index=True)


def _rows(
    codes: np.ndarray,
    one: Drawn,
    people: list[list[str]],
    numerator: np.ndarray,
    denominator: np.ndarray,
) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [codes, one.periods, *people], names=["area_code", "period", "sex", "age"]
    )
    rows = index.to_frame(index=False)
    period = pd.PeriodIndex(rows.pop("period"))
    rows.insert(0, "indicator_id", one.measure.indicator_id)
    rows["period_start"] = period.start_time
    rows["period_end"] = period.end_time.normalize()
    rows["numerator"] = numerator.ravel().astype("float64")
    rows["denominator"] = denominator.ravel()
    broken = one.measure.break_in
    at_break = rows["period_start"] == pd.Timestamp(broken.start if broken else 0)
    rows["note"] = at_break.map({True: "break", False: None})
    return rows
