"""A tidy table read for a question: numbers, codes, dates, starts and neighbours, refused if wrong.

Labels of periods, whatever a table calls them, become pandas Periods with true dates.
"""

import datetime
import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from lsp_analysis import wording
from lsp_analysis.errors import AreaError, PanelError, ParameterError, did_you_mean
from lsp_analysis.study.periods import MONTHS, parse_period, read_span

LARGEST = 1e60  # a size beyond which squares of sums overflow, and below whose inverse they vanish
YEARS = (1800, 2200)  # whole numbers between them are calendar years
HOW_TO_WRITE = (
    "Write months as 2008-04, quarters as 2008Q2, years as 2008 or 2008/09, or give pandas Periods."
)


def listed(value: Any) -> list[Any]:
    """A list from one name or several."""
    return [value] if isinstance(value, str) else list(value)


def check_level(level: Any) -> None:
    """Raise ParameterError unless `level` is a number between 0 and 1."""
    number = isinstance(level, int | float | np.number) and not isinstance(level, bool)
    if not number or not 0 < level < 1:
        raise ParameterError(f"level={level!r} is not a number between 0 and 1; 0.95 is usual.")


def need_columns(frame: Any, names: Iterable[Any], table: str = "panel") -> None:
    """Raise PanelError unless `frame` is a DataFrame that has each of `names` once."""
    if not isinstance(frame, pd.DataFrame):
        rows = " with one row per area and period" if table == "panel" else ""
        raise PanelError(f"The {table} is a {type(frame).__name__}. Give a pandas DataFrame{rows}.")
    if isinstance(frame.columns, pd.MultiIndex):
        raise PanelError(
            f"The {table}'s columns have {frame.columns.nlevels} levels, such as "
            f"{frame.columns[0]}. Give it one row of column names."
        )
    for name in names:
        if not isinstance(name, Hashable):
            raise ParameterError(f"{name!r} is not the name of a column. Give one name, as text.")
        alike = int((frame.columns == name).sum())
        if alike > 1:
            raise PanelError(f"The {table} has {alike} columns {name!r}. Keep one of them.")
        if not alike:
            raise PanelError(
                f"The {table} has no column {name!r}; it has "
                f"{', '.join(map(str, frame.columns))}."
                f"{did_you_mean(str(name), map(str, frame.columns))}"
            )


def read_rows(frame: Any, names: list[Any], treated: Any) -> tuple[pd.DataFrame, pd.Series | None]:
    """Columns area_code, period (Periods), note and `names` (numbers), each pair once; and the
    rows that a column called `treated` marks, if there is one."""
    need_columns(frame, ["area_code", "period", *names])
    if frame.empty:
        raise PanelError("The panel has no rows. Check the indicator and the areas asked for.")
    frame = frame.reset_index(drop=True)
    rows = pd.DataFrame(
        {"area_code": _codes(frame["area_code"]), "period": as_dates(frame["period"])}
        | {name: as_numbers(frame[name]) for name in names}
    )
    if "note" in frame:
        rows["note"] = frame["note"].astype("str").fillna("")
    repeated = rows.duplicated(["area_code", "period"])
    if repeated.any():
        first = rows.loc[repeated.idxmax()]
        raise PanelError(
            f"{int(repeated.sum())} rows repeat an (area_code, period) pair, first "
            f"({first['area_code']}, {first['period']}). An area has one row per period: add the "
            "rows up, or average them if they are rates."
        )
    if not isinstance(treated, str) or treated not in frame.columns:
        return rows, None
    marks = as_numbers(frame[treated])
    odd = frame.loc[~marks.isin((0.0, 1.0)), treated]
    if len(odd):
        raise PanelError(
            f"{treated!r} must hold only 0 and 1 (or false and true) to mark the treated; it "
            f"holds {odd.iloc[0]!r}."
        )
    return rows, marks == 1


def _codes(column: pd.Series) -> pd.Series:
    if column.isna().any():
        raise PanelError(
            f"{int(column.isna().sum())} of {len(column)} rows of the panel have no area_code. "
            "Fill it in, or leave those rows out."
        )
    column = column.astype(object)
    odd = next((x for x in column if not isinstance(x, Hashable)), None)
    if odd is not None:
        raise PanelError(f"'area_code' holds {odd!r}, which cannot stand for an area. Give codes.")
    if len({isinstance(x, str) for x in column}) > 1:
        raise PanelError("'area_code' mixes text and numbers. Write all codes in one way.")
    return column.infer_objects()


def as_numbers(column: pd.Series) -> pd.Series:
    """Text and the like as float64; PanelError for what is no number, infinite or out of range."""
    if column.dtype.kind in "cmM" or isinstance(column.dtype, pd.PeriodDtype):
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
    sizes = numbers.astype("float64").abs()
    if np.isinf(sizes).any():
        raise PanelError(
            f"{column.name!r} is infinite in {int(np.isinf(sizes).sum())} of {len(sizes)} rows, as "
            "after a division by zero: correct them, or leave them missing."
        )
    if sizes.max() > LARGEST or 0 < sizes.max() < 1 / LARGEST:
        raise PanelError(
            f"{column.name!r} has {sizes.max():.3g} for its largest size, which cannot be "
            "calculated with. Check the column, or give it in other units."
        )
    return numbers.astype("float64")


def as_dates(labels: pd.Series) -> pd.PeriodIndex:
    """Periods of a column of Periods, dates, calendar years or text, row by row.

    First or last days of months become the months, quarters or years that they are apart.

    Raises
    ------
    PanelError
        A label is missing, or says nothing of when it was, or is of another length than others.
    """
    if labels.isna().any():
        raise PanelError(
            f"{int(labels.isna().sum())} of {len(labels)} rows of the panel have no period. "
            "Fill it in, or leave those rows out."
        )
    if isinstance(labels.dtype, pd.PeriodDtype):
        return pd.PeriodIndex(labels)
    try:
        codes, met = pd.factorize(labels)
    except TypeError as error:
        raise PanelError(f"The panel's periods cannot be read. {HOW_TO_WRITE}") from error
    told = [_date_of(label) for label in met]
    for label, period in zip(met, told, strict=True):
        if period is None:
            raise PanelError(
                f"The panel's period {label!r} does not say when it was. {HOW_TO_WRITE}"
            )
        alike = all(isinstance(label, of) == isinstance(met[0], of) for of in (str, pd.Period))
        if period.freqstr != told[0].freqstr or not alike:
            raise PanelError(
                f"The panel's periods mix labels of several kinds, such as {met[0]!r} and "
                f"{label!r}. Write all in one way."
            )
    periods = pd.PeriodIndex(told)
    if told[0].freqstr == "D" and not isinstance(met[0], pd.Period):
        periods = _of_days(periods.start_time)
    return periods.take(codes)


def as_date(when: Any, freq: Any = None, name: str = "start") -> pd.Period:
    """One Period from a Period, date, year or text: with `freq`, the first of that length it holds.

    Raises ParameterError, which calls it `name`, for anything else.
    """
    found = _date_of(when)
    if found is None:
        raise ParameterError(
            f"{name}={when!r} is not a month, quarter or year. Write it as 2008-04, 2008Q2 or 2008."
        )
    return found if freq is None or found.freq == freq else found.asfreq(freq, how="start")


def _date_of(when: Any) -> pd.Period | None:
    if isinstance(when, pd.Period):
        return when
    if isinstance(when, str):
        found, span = parse_period(when), read_span(when)
        if found is not None or span is None:
            return found
        lengths = {1: "M", 3: "Q-DEC", 12: f"Y-{span.end:%b}".upper()}
        freq = "D" if span.start == span.end else lengths.get(span.months)
        return None if freq is None else pd.Period(span.start, freq=freq)
    if isinstance(when, datetime.date | np.datetime64) and not pd.isna(when):
        return pd.Period(pd.Timestamp(when).tz_localize(None), freq="D")
    number = isinstance(when, int | float | np.number) and not isinstance(when, bool)
    if number and YEARS[0] <= when <= YEARS[1] and float(when).is_integer():
        return pd.Period(year=int(when), freq="Y")
    return None


def _of_days(days: pd.DatetimeIndex) -> pd.PeriodIndex:
    """Months, quarters or years from their first or last days; weeks or days from other dates."""
    if not (days.is_month_start.all() or days.is_month_end.all()):
        weekly = len(set(days.day_of_week)) == 1 and len(set(days)) > 1
        before = f"{days[0] - pd.Timedelta(days=1):%a}".upper()
        return days.to_period(f"W-{before}" if weekly else "D")
    months = days.to_period("M")
    ordinals = np.unique(months.asi8)
    step = int(np.gcd.reduce(np.diff(ordinals))) if len(ordinals) > 1 else 1
    first = months.min() if days.is_month_start.all() else months.min() - min(step, 12) + 1
    if step % 12 == 0:
        return months.asfreq(f"Y-{MONTHS[(first.month - 2) % 12].upper()}")
    if step == 3:
        return months.asfreq(f"Q-{MONTHS[((first.month - 1) % 3 or 12) - 1].upper()}")
    return months


def wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Areas by dates, sorted; missing where there is no row."""
    areas = pd.Index(rows["area_code"].unique(), name="area_code").sort_values()
    dates = pd.PeriodIndex(rows["period"].unique(), name="period").sort_values()
    array = np.full((len(areas), len(dates)), np.nan)
    at = areas.get_indexer(rows["area_code"]), dates.get_indexer(pd.PeriodIndex(rows["period"]))
    array[at] = rows[column].to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame(array, areas, dates)


def treated_codes(
    rows: pd.DataFrame, treated: Any, start: Any, marks: pd.Series | None = None
) -> list[Any]:
    """Codes of the treated areas: given, marked in some rows, or those that have a start."""
    if treated is None and isinstance(start, Mapping):
        treated = list(start)
    if isinstance(treated, pd.DataFrame):
        raise ParameterError(
            f"`treated` is a table of {len(treated)} rows. Give the area codes alone, as a list."
        )
    if marks is not None:
        _check_switch(rows, marks, start)
        treated = rows.loc[marks, "area_code"].unique()
    codes = [] if treated is None else [treated] if np.isscalar(treated) else list(treated)
    known = list(rows["area_code"].unique())
    for code in codes:
        if not isinstance(code, Hashable) or isinstance(code, bool | np.bool_):
            raise ParameterError(
                f"`treated` holds {code!r}, which is no area code. Give a plain list of codes, or "
                "the name of a column of true and false that marks them."
            )
        if code not in known:
            hint = did_you_mean(str(code), map(str, known))
            kinds = ["text" if isinstance(x, str) else "numbers" for x in (known[0], code)]
            if kinds[0] != kinds[1]:
                hint = f" Codes there are {kinds[0]}, such as {known[0]!r}, and {code!r} is not."
            raise AreaError(
                f"The treated area {code!r} is not among the panel's {len(known)} areas.{hint}"
            )
    if not codes:
        raise AreaError("No treated area was given. Name the area codes of the neighbourhood.")
    return codes


def _check_switch(rows: pd.DataFrame, marks: pd.Series, start: Any) -> None:
    """Raise PanelError when a column that switches on within areas does so before `start`."""
    share = marks.groupby(rows["area_code"]).transform("mean")
    on = rows[marks & (share < 1)]
    if isinstance(start, Mapping) or on.empty:
        return
    first, wanted = on["period"].min(), as_date(start, rows["period"].dt.freq)
    last = on.groupby("area_code")["period"].min().max()
    if first != wanted or last != wanted:
        raise PanelError(
            f"The column that marks the treated switches on from {first} to {last}, and "
            f"start={start}. Give that start or, where areas start at different times, a mapping "
            "of area code to start."
        )


def starts(
    start: Any, areas: pd.Index, dates: pd.PeriodIndex
) -> tuple[pd.Period, pd.PeriodIndex | None]:
    """When the programme began, and when in each area if it was rolled out."""
    missing = start is None or start is pd.NaT or start == ""
    if missing or (isinstance(start, float) and math.isnan(start)):
        raise ParameterError(
            f"No start was given ({start!r}). Name the first period of the programme; the panel's "
            f"are such as {dates[0]}."
        )
    if not isinstance(start, Mapping):
        return as_date(start), None
    begun = {code: as_date(when, dates.freq) for code, when in start.items()}
    unknown = next((code for code in begun if code not in areas), None)
    if unknown is not None:
        raise AreaError(f"The area {unknown!r} in `start` is not in the panel.")
    own = pd.PeriodIndex([begun.get(code, pd.NaT) for code in areas], freq=dates.freq)
    return own.min(), own


def pairs_matrix(
    areas: pd.Index, neighbours: pd.DataFrame | Iterable[tuple[Any, Any]] | None
) -> sparse.csr_array | None:
    """Symmetric sparse bool array (n, n) from pairs of codes; unknown codes are left out.

    Raises ParameterError for what holds no pairs, and when no pair holds one of `areas`.
    """
    if neighbours is None:
        return None
    if isinstance(neighbours, pd.DataFrame):
        neighbours = neighbours.iloc[:, :2].itertuples(index=False, name=None)
    try:
        pairs = [(pair,) if isinstance(pair, str) else tuple(pair) for pair in neighbours]
    except TypeError:
        pairs = [(neighbours,)]
    odd = next((p for p in pairs if len(p) != 2 or not all(isinstance(c, Hashable) for c in p)), ())
    if odd:
        raise ParameterError(
            f"neighbours holds {odd if len(odd) > 1 else odd[0]!r}, which is no pair of codes. Give"
            " a list such as [('E01004802', 'E01004803')], or a DataFrame with two columns."
        )
    at = areas.get_indexer([code for pair in pairs for code in pair]).reshape(-1, 2)
    if len(pairs) and (at < 0).all():
        raise ParameterError(
            f"No pair in neighbours, the first being {pairs[0]}, holds an area of the panel. Use "
            "the panel's own codes, or leave out `neighbours`."
        )
    at = at[(at >= 0).all(axis=1) & (at[:, 0] != at[:, 1])]
    ones, size = np.ones(len(at), dtype=bool), len(areas)
    matrix = sparse.csr_array((ones, (at[:, 0], at[:, 1])), shape=(size, size))
    return (matrix + matrix.T).astype(bool)


def dated(
    dates: pd.PeriodIndex, began: pd.Period, fewest_before: int = 2
) -> tuple[np.ndarray, pd.Period, tuple[str, ...]]:
    """Dates to use, the first after the start, and what was left out.

    A period that began before the programme and ended after its start belongs to neither side.

    Raises
    ------
    PanelError
        No period after the start, or too few before it.
    """
    before = dates.end_time < began.start_time
    after = dates.start_time >= began.start_time
    if not after.any():
        raise PanelError(
            f"The data end in {wording.period(dates[-1])}, so no period is after the start in "
            f"{wording.period(began)}: there is nothing to evaluate yet."
        )
    if before.sum() < fewest_before:
        raise PanelError(
            f"The panel has {wording.counted(int(before.sum()), 'period')} before "
            f"{wording.period(began)} (the first is {wording.period(dates[0])}), and it needs "
            f"{fewest_before}. Add earlier periods."
        )
    mixed = dates[~before & ~after]
    cautions = tuple(
        f"{wording.period(date)}, in which the programme began, is left out." for date in mixed
    )
    return before | after, dates[after][0], cautions
