"""Panels checked, and laid out as the estimators need them: long, or areas by periods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import (
    AREA,
    PERIOD,
    as_numbers,
    distinct,
    not_found,
    plain_codes,
    tidy,
)
from lsp_analysis.effects.periods import as_start
from lsp_analysis.errors import PanelError, ParameterError

TREATMENT = "treatment"
"""Column that is 1 in treated areas from the start on."""


@dataclass(frozen=True)
class Grid:
    """One outcome as areas by periods, without gaps.

    Attributes
    ----------
    outcomes : array (areas, periods)
    areas, periods : Index
        Labels in order; `periods` is sorted.
    treated : bool array (areas,)
    start_at : int
        Position in `periods` of the first period that counts as after.
    """

    outcomes: np.ndarray
    areas: pd.Index
    periods: pd.Index
    treated: np.ndarray
    start_at: int

    @property
    def before(self) -> slice:
        """Columns before the start."""
        return slice(0, self.start_at)

    @property
    def after(self) -> slice:
        """Columns from the start on."""
        return slice(self.start_at, None)

    @property
    def treated_name(self) -> str:
        """The treated areas' codes, joined."""
        return " + ".join(map(str, self.areas[self.treated]))

    @property
    def treated_mean(self) -> np.ndarray:
        """Unweighted mean of the treated areas, by period."""
        return self.outcomes[self.treated].mean(axis=0)


def treated_areas(panel: pd.DataFrame, treated: str | Sequence[Any], area: str) -> list[Any]:
    """As `named_areas`, and PanelError when they are all the areas there are."""
    codes = named_areas(panel, treated, area)
    if len(codes) == len(panel[area].unique()):
        raise PanelError(
            "Every area of the panel is treated, so nothing is left to compare with: add "
            "comparison areas."
        )
    return codes


def named_areas(panel: pd.DataFrame, treated: str | Sequence[Any], area: str) -> list[Any]:
    """The treated areas' codes, from codes or from the name of a column that marks them.

    Raises PanelError for a code that is not in the panel, and when none is named.
    """
    if treated is None:
        raise ParameterError("`treated` names no area: give codes, or a column that marks them.")
    if isinstance(treated, str) and treated in panel.columns:
        codes = list(panel.loc[marked(panel[treated]), area].unique())
    else:
        codes = plain_codes(treated)
    known = set(panel[area])
    for code in codes:
        if code not in known:
            raise PanelError(
                f"The treated area {code!r} is not in column {area!r}.{not_found(code, known)}"
            )
    if not codes:
        raise PanelError(
            "No area is treated, so there is no effect to estimate: name one in `treated`."
        )
    return codes


def marked(column: pd.Series) -> np.ndarray:
    """Rows that a column of 0 and 1, or false and true, marks; PanelError for anything else."""
    values = as_numbers(column).to_numpy(dtype=float, na_value=np.nan)
    if not np.isin(values, (0.0, 1.0)).all():
        odd = column[~np.isin(values, (0.0, 1.0))].iloc[0]
        raise PanelError(
            f"{column.name!r} must hold only 0 and 1 (or false and true) to mark the treated; it "
            f"holds {odd!r}."
        )
    return values == 1


def check_marks(
    panel: pd.DataFrame, treated: str | Sequence[Any], start: Any, area: str, period: str
) -> None:
    """Raise PanelError when a column that switches on within areas does not do so at `start`."""
    if not (isinstance(treated, str) and treated in panel.columns):
        return
    begun = first_marked(panel, treated, area, period)
    if begun.empty:
        return
    after = panel[period] >= start
    mark = marked(panel[treated])
    own = panel[area].map(begun)
    wrong = own.notna() & ((mark & ~after) | (after & ~mark & (panel[period] < own)))
    if wrong.any():
        first = panel.loc[wrong.idxmax(), area]
        raise PanelError(
            f"{treated!r} switches on at {begun[first]} in {first}, but start={start}. Give that "
            "start, or use staggered_effect where areas start at different times."
        )


def first_marked(panel: pd.DataFrame, column: str, area: str, period: str) -> pd.Series:
    """First marked period of the areas in which `column` is marked in some periods only."""
    mark = pd.Series(marked(panel[column]), panel.index)
    share = mark.groupby(panel[area]).mean()
    varies = panel[area].isin(share.index[(share > 0) & (share < 1)])
    return panel[mark & varies].groupby(area)[period].min()


def check_start(periods: pd.Index, start: Any, fewest_before: int = 1) -> int:
    """Position of `start` in sorted `periods`; PanelError if too few are before or none after."""
    try:
        at = int(np.searchsorted(np.asarray(periods, dtype=object), start))
    except TypeError as error:
        raise ParameterError(
            f"start={start!r} cannot be compared with the periods, for example {periods[0]!r}."
        ) from error
    if at == len(periods):
        raise PanelError(f"No period from {start} on: the last one is {periods[-1]}.")
    if at < fewest_before:
        raise PanelError(
            f"{at} period{'' if at == 1 else 's'} before {start} (the first is {periods[0]}), "
            f"but this method needs {fewest_before} or more. Add earlier periods, or use a "
            "simpler method."
        )
    return at


def long_panel(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    numbers: Iterable[str | None] = (),
    cluster: str | None = None,
    area: str = AREA,
    period: str = PERIOD,
) -> tuple[pd.DataFrame, list[Any], Any]:
    """Complete rows with a 0/1 column ``treatment``; treated codes; the start.

    ``treatment`` is 1 in treated areas from the start on. Rows that lack a value are left out, so
    the panel may be unbalanced; a repeated (area, period) pair is an error.

    Parameters
    ----------
    numbers : columns of covariates, weights and populations to keep; None is passed over
    cluster : column of clusters to keep, of any kind
    """
    needed = [outcome, *(name for name in numbers if name)]
    others = [cluster] if cluster else []
    columns = distinct([area, period, *needed, *others])
    panel = tidy(panel, numbers=needed, labels=[area, period], others=others)
    codes = treated_areas(panel, treated, area)
    start = as_start(start, panel[period])
    check_marks(panel, treated, start, area, period)
    frame = panel[columns].dropna()
    if frame.empty:
        raise PanelError(f"No row has a value in all of {', '.join(columns)}.")
    check_start(pd.Index(frame[period].unique()).sort_values(), start)
    check_pairs(frame, area, period)
    check_varies(frame[outcome])
    check_comparison(frame.loc[~frame[area].isin(codes), outcome])
    on = frame[area].isin(codes).to_numpy() & (frame[period] >= start).to_numpy()
    return frame.assign(**{TREATMENT: on.astype(float)}), codes, start


def check_varies(outcome: pd.Series) -> None:
    """Raise PanelError when the outcome is missing, or the same, in every row."""
    values = outcome.dropna().to_numpy(dtype=float)
    if not len(values):
        raise PanelError(
            f"No row has a value of {outcome.name!r}. Choose another outcome, or other periods."
        )
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        raise PanelError(
            f"{outcome.name!r} is {values[0]:g} in every row, so there is nothing to compare."
        )


def check_comparison(outcome: pd.Series) -> None:
    """Raise PanelError when the comparison areas' outcome is 0 throughout."""
    values = outcome.dropna().to_numpy(dtype=float)
    if len(values) and not values.any():
        raise PanelError(
            f"{outcome.name!r} is 0 in every comparison area and period, so nothing "
            "shows how far areas differ by chance, and there is nothing to compare with. Choose an "
            "outcome that happens there too."
        )


def check_pairs(frame: pd.DataFrame, area: str, period: str) -> None:
    """Raise PanelError when an (area, period) pair is repeated."""
    repeated = frame.duplicated([area, period])
    if repeated.any():
        first = frame.loc[repeated.idxmax()]
        raise PanelError(
            f"{int(repeated.sum())} rows repeat an ({area}, {period}) pair, first "
            f"({first[area]}, {first[period]}). An area has one row per period: add the rows "
            "up, or average them if they are rates."
        )


def grid(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    area: str = AREA,
    period: str = PERIOD,
    fewest_before: int = 1,
    alone: bool = False,
) -> Grid:
    """`outcome` as areas by periods; PanelError if a value is missing, naming the first.

    Parameters
    ----------
    treated : codes, or the name of a column that is true for them.
    start : first period that counts as after.
    fewest_before : periods before the start that the method needs.
    alone : whether the method can do without comparison areas.
    """
    panel = tidy(panel, numbers=[outcome], labels=[area, period])
    codes = (named_areas if alone else treated_areas)(panel, treated, area)
    start = as_start(start, panel[period])
    check_marks(panel, treated, start, area, period)
    check_pairs(panel, area, period)
    wide = panel.pivot_table(index=area, columns=period, values=outcome, sort=True, dropna=False)
    at = check_start(wide.columns, start, fewest_before)
    gaps = np.argwhere(wide.isna().to_numpy())
    if len(gaps):
        row, column = gaps[0]
        raise PanelError(
            f"{len(gaps)} of {wide.size} values of {outcome!r} are missing, first "
            f"({wide.index[row]}, {wide.columns[column]}). This method needs every area in "
            "every period: leave those areas or periods out."
        )
    check_varies(panel[outcome])
    values, own = wide.to_numpy(dtype=float), wide.index.isin(codes)
    if not alone:
        check_comparison(panel.loc[~panel[area].isin(codes), outcome])
        if len(values) > 2 and not np.ptp(values, axis=0).any():
            raise PanelError(
                f"{outcome!r} is the same in all {len(values)} areas in every period, so nothing "
                "shows how far areas differ by chance. Check the column."
            )
    return Grid(values, wide.index, wide.columns, own, at)
