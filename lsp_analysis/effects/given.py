"""What callers give, checked before any method works on it: columns, labels, level and seed."""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.errors import PanelError, ParameterError, did_you_mean

AREA, PERIOD = "area_code", "period"
LARGEST = 1e60  # a size beyond which squares of sums overflow, and below whose inverse they vanish


def need_columns(frame: pd.DataFrame, names: Iterable[str], table: str = "panel") -> None:
    """Raise PanelError unless `frame` is one, and each of `names` is a column of it.

    Parameters
    ----------
    table : what the table is called in the errors; "panel" has a row per area and period.
    """
    if not isinstance(frame, pd.DataFrame):
        rows = " with one row per area and period" if table == "panel" else ""
        raise PanelError(f"The {table} is a {type(frame).__name__}. Give a pandas DataFrame{rows}.")
    for name in distinct(names):
        if isinstance(frame.columns, pd.MultiIndex):
            raise PanelError(
                f"The {table}'s columns have {frame.columns.nlevels} levels, such as "
                f"{frame.columns[0]}. Give it one row of column names."
            )
        alike = int((frame.columns == name).sum())
        if alike > 1:
            raise PanelError(f"The {table} has {alike} columns {name!r}. Keep one of them.")
        if name not in frame.columns:
            hint = did_you_mean(str(name), map(str, frame.columns))
            raise PanelError(
                f"The {table} has no column {name!r}; it has "
                f"{', '.join(map(str, frame.columns))}.{hint}"
            )


def distinct(names: Iterable[Any]) -> list[Any]:
    """`names` of columns without repeats; ParameterError for what cannot be the name of one."""
    names = list(names)
    for name in names:
        if not isinstance(name, Hashable):
            raise ParameterError(f"{name!r} is not the name of a column. Give one name, as text.")
    return list(dict.fromkeys(names))


def tidy(
    panel: pd.DataFrame,
    *,
    numbers: Iterable[str],
    labels: Iterable[str] = (AREA, PERIOD),
    others: Iterable[str] = (),
) -> pd.DataFrame:
    """`panel` with the columns checked that a method is going to use.

    Parameters
    ----------
    numbers : columns that must hold numbers, finite or missing
    labels : columns of areas and periods
        Categories become plain values, so that one which does not occur is not taken for missing.
    others : columns that need only be there

    Raises
    ------
    PanelError
        For a column that is not there, an empty panel, text where a number is needed, infinity,
        labels that are missing or of several kinds.
    """
    numbers, labels = distinct(numbers), list(labels)
    need_columns(panel, [*labels, *numbers, *others])
    if panel.empty:
        raise PanelError("The panel has no rows. Check the indicator and the areas asked for.")
    changed = {name: _plain_labels(panel[name]) for name in labels if _is_odd(panel[name].dtype)}
    changed |= {name: as_numbers(panel[name]) for name in numbers if not _is_real(panel[name])}
    plain = isinstance(panel.index, pd.RangeIndex) and panel.index.name is None
    if not plain:  # labels may repeat, or be called as a column is
        panel = panel.reset_index(drop=True)
        changed = {name: column.reset_index(drop=True) for name, column in changed.items()}
    panel = panel.assign(**changed) if changed else panel
    for name in labels:
        _check_known(panel[name])
    for name in numbers:
        _check_size(panel[name])
    return panel


def _check_known(labels: pd.Series) -> None:
    lacking = int(labels.isna().sum())
    if lacking:
        raise PanelError(
            f"{lacking} of {len(labels)} rows of the panel have no {labels.name}. Fill it in, or "
            "leave those rows out."
        )


def _check_size(column: pd.Series) -> None:
    values = np.abs(column.to_numpy(dtype=float, na_value=np.nan))
    if np.isinf(values).any():
        raise PanelError(
            f"{column.name!r} is infinite in {int(np.isinf(values).sum())} of {len(values)} rows, "
            "as after a division by nothing: correct them, or leave them missing."
        )
    largest = np.fmax.reduce(values)
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise PanelError(
            f"{column.name!r} has {largest:.3g} for its largest size, which cannot be reckoned "
            "with. Check the column, or give it in other units."
        )


def _is_real(column: pd.Series) -> bool:
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_complex_dtype(column)


def _is_odd(dtype: Any) -> bool:
    """Whether labels of this kind have to be looked at one by one, or made plain."""
    return isinstance(
        dtype, pd.CategoricalDtype | pd.DatetimeTZDtype
    ) or pd.api.types.is_object_dtype(dtype)


def _plain_labels(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_localize(None)
    if pd.api.types.is_object_dtype(column):
        return _of_one_kind(column)
    categories = column.cat.categories
    if column.cat.ordered and not categories.is_monotonic_increasing:
        raise PanelError(
            f"{column.name!r} is a category with an order of its own, {categories[0]} to "
            f"{categories[-1]}: number it, or use dates."
        )
    return column.astype(categories.dtype)


def _of_one_kind(column: pd.Series) -> pd.Series:
    """`column`, its dates as dates; PanelError for labels that no order can hold together."""
    try:
        labels = column.dropna().unique()
    except TypeError as error:
        odd = next(x for x in column if not isinstance(x, Hashable))
        raise PanelError(
            f"{column.name!r} holds {odd!r}, which cannot stand for an area or a period. Give "
            "codes or dates."
        ) from error
    first: dict[Any, Any] = {}
    for label in labels:
        kind = float if isinstance(label, int | float | np.number) else type(label)
        first.setdefault(getattr(label, "freqstr", kind), label)
    if len(first) > 1:
        one, other = list(first.values())[:2]
        raise PanelError(
            f"{column.name!r} mixes labels of several kinds, such as {one!r} and {other!r}. Write "
            "all of them in the same way."
        )
    kind = next(iter(first.values()), None)
    if isinstance(kind, pd.Period):
        return column.astype(pd.PeriodDtype(kind.freq))
    if isinstance(kind, datetime.date):
        return pd.to_datetime(column).dt.tz_localize(None)
    return column


def as_numbers(column: pd.Series) -> pd.Series:
    """Text and the like as numbers; PanelError for what is none, also dates and complex numbers."""
    kinds = pd.api.types
    if kinds.is_complex_dtype(column) or kinds.is_datetime64_any_dtype(column) or (
        kinds.is_timedelta64_dtype(column) or isinstance(column.dtype, pd.PeriodDtype)
    ):  # fmt: skip
        raise PanelError(
            f"{column.name!r} holds {column.dtype}, and not numbers: {column.iloc[0]}. Give a "
            "column of counts, rates or scores."
        )
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        raise PanelError(
            f"{column.name!r} is not a number in {int(wrong.sum())} of {len(column)} rows, first "
            f"{column[wrong].iloc[0]!r}. Correct them, and leave missing what is not known."
        )
    return numbers


def plain_codes(treated: Any) -> list[Any]:
    """Area codes as a list without repeats, from one code or any collection of them."""
    if treated is None:
        return []
    if isinstance(treated, pd.DataFrame):
        raise ParameterError(
            f"`treated` is a table of {len(treated)} rows. Give the area codes alone, as a list."
        )
    codes = [treated] if isinstance(treated, str) or np.isscalar(treated) else list(treated)
    for code in codes:
        if not isinstance(code, Hashable):
            raise ParameterError(
                f"`treated` holds {code!r}, which is no area code. Give a plain list of codes."
            )
    if codes and all(isinstance(code, bool | np.bool_) for code in codes):
        raise ParameterError(
            "`treated` is a list of true and false: make it a column of the panel, and name that."
        )
    return list(dict.fromkeys(codes))


def not_found(code: Any, known: Iterable[Any]) -> str:
    """What to try for a code that is not among those `known`: a near one, or another kind."""
    known = list(known)
    twin = next((x for x in known if _digits(x) and _digits(x) == _digits(code)), None)
    if twin is not None and type(twin) is not type(code):
        kinds = ["text" if isinstance(x, str) else "a number" for x in (twin, code)]
        if kinds[0] != kinds[1]:
            return f" Codes there are {kinds[0]}, such as {twin!r}, and {code!r} is {kinds[1]}."
    return did_you_mean(str(code), map(str, known))


def _digits(code: Any) -> str:
    """A code of digits without its leading noughts; empty for any other."""
    text = str(code).removesuffix(".0")
    return (text.lstrip("0") or "0") if text.isdigit() else ""


def check_seed(seed: Any) -> None:
    """Raise ParameterError unless `seed` is a whole number of 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError(f"seed={seed!r} is not a whole number of 0 or more; 0 is usual.")


def check_level(level: Any) -> None:
    """Raise ParameterError unless `level` is a number between 0 and 1."""
    if not isinstance(level, (int, float, np.number)) or not 0 < level < 1:
        raise ParameterError(f"level={level!r} is not a number between 0 and 1; 0.95 is usual.")
