"""A panel whose areas start at different times, laid out as areas by periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import need_columns
from lsp_analysis.effects.layout import as_start, first_marked, treated_areas
from lsp_analysis.errors import PanelError, ParameterError, did_you_mean


@dataclass(frozen=True)
class Cohorts:
    """A panel laid out for staggered starts.

    Attributes
    ----------
    outcomes : array (areas, periods), missing allowed
    starts : array (areas,)
        Position of the first treated period; infinite where never treated.
    covariates : array (areas, periods, covariates)
    n_begun_before : int
        Areas left out because it had started there by the first period.
    """

    outcomes: np.ndarray = field(repr=False)
    starts: np.ndarray = field(repr=False)
    covariates: np.ndarray = field(repr=False)
    n_begun_before: int = 0


def first_periods(
    panel: pd.DataFrame,
    starts: str | Mapping[Any, Any] | None,
    treated: str | Sequence[Any] | None,
    start: Any,
    area: str,
    period: str,
) -> pd.Series:
    """First treated period by area; areas that never start are left out."""
    if starts is None:
        starts = _of_treated(panel, treated, start, area, period)
    if isinstance(starts, str):
        need_columns(panel, [starts])
        named = panel[[area, starts]].drop_duplicates().set_index(area)[starts].dropna()
        if named.index.has_duplicates:
            twice = named.index[named.index.duplicated()][0]
            raise PanelError(f"The area {twice!r} has two starts in {starts!r}: give it one.")
        begun = _in_kind(named, panel[period])
    else:
        if not isinstance(starts, Mapping | pd.Series):
            raise ParameterError(
                f"starts={starts!r} is neither a column nor starts by area. Give a mapping such as "
                "{'E01004802': '2008-04'}."
            )
        begun = _in_kind(pd.Series(dict(starts)), panel[period])
        known = set(panel[area])
        for code in begun.index:
            if code not in known:
                hint = did_you_mean(str(code), map(str, known))
                raise PanelError(f"The area {code!r} is not in column {area!r}.{hint}")
    if begun.empty:
        raise PanelError("No area ever starts, so there is no effect to estimate.")
    return begun


def _of_treated(
    panel: pd.DataFrame,
    treated: str | Sequence[Any] | None,
    start: Any,
    area: str,
    period: str,
) -> dict[Any, Any]:
    if start is None and isinstance(treated, str) and treated in panel.columns:
        return first_marked(panel, treated, area, period).to_dict()
    if treated is None or start is None:
        raise ParameterError(
            "Give `starts`, or `treated` and `start` together, or a column that switches on."
        )
    return dict.fromkeys(treated_areas(panel, treated, area), as_start(start, panel[period]))


def _in_kind(begun: pd.Series, periods: pd.Series) -> pd.Series:
    """`begun` in the kind of `periods`, without the areas where it never starts."""
    if pd.api.types.is_numeric_dtype(begun):
        never = np.isinf(begun.to_numpy(dtype=float))
        if pd.api.types.is_numeric_dtype(periods) and periods.min() > 0:
            never |= begun.to_numpy(dtype=float) == 0
        begun = begun[~never]
    unique = {value: as_start(value, periods) for value in begun.dropna().unique()}
    return begun.dropna().map(unique)


def lay_out(
    panel: pd.DataFrame,
    outcome: str,
    begun: pd.Series,
    covariates: Sequence[str],
    area: str,
    period: str,
) -> tuple[Cohorts, pd.Index, pd.Index]:
    """Areas by periods; those started by the first period have no before and are left out."""
    wide = panel.pivot_table(index=area, columns=period, values=outcome, dropna=False)
    periods = wide.columns
    position = begun.map(lambda p: int((periods < p).sum()))
    begun_before = position.index[position == 0]
    wide = wide.drop(index=begun_before, errors="ignore")
    starts = position[position < len(periods)].reindex(wide.index).fillna(np.inf)
    if np.isinf(starts).all():
        raise PanelError(
            f"No area starts after the first period, {periods[0]}, and by the last, {periods[-1]}: "
            "add periods."
        )
    layers = [
        panel.pivot_table(index=area, columns=period, values=name, dropna=False)
        .reindex(index=wide.index, columns=periods)
        .to_numpy(dtype=float)
        for name in covariates
    ]
    shape = (*wide.shape, 0)
    stacked = np.stack(layers, axis=2) if layers else np.empty(shape)
    cohorts = Cohorts(wide.to_numpy(dtype=float), starts.to_numpy(), stacked, len(begun_before))
    return cohorts, wide.index, periods
