"""What an indicator is: its kind, the period of its unit, its panel, and how periods are joined.

The kind decides how several periods become one value, which interval a value has, and in which
words it is printed:

============  ======================================  =======================================
kind          what is measured                        several periods become
============  ======================================  =======================================
events        events over a period                    their sum, over person-years
stock         people or things at a date              the average count and population
share         a proportion of people, others each     the sum of both parts
              time (pupils of a year)
mean          a mean or a score                       the last edition
standardised  an age-standardised rate                the last edition
published     a published estimate without counts     the last edition
============  ======================================  =======================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError, UnknownNameError, check_one_of, did_you_mean
from lsp_analysis.study.areas import fold_name
from lsp_analysis.study.periods import MONTHS
from lsp_analysis.study.schema import ALL, KINDS, UNIT_PERIODS

# What each value type can be; the first is what it is when nothing is declared.
KINDS_OF_VALUE_TYPE = {
    "rate": ("events", "stock", "published"),
    "count": ("events", "stock", "published"),
    "proportion": ("share", "stock", "published"),
    "person_periods": ("stock",),
    "mean": ("mean", "published"),
    "score": ("mean", "published"),
    "dsr": ("standardised", "published"),
}
KIND_OF_VALUE_TYPE = {value_type: kinds[0] for value_type, kinds in KINDS_OF_VALUE_TYPE.items()}
COLUMNS = ["area_code", "period", "numerator", "denominator", "value", "note"]
# A directly standardised rate or a score has no parts that can be added up.
NOT_ADDITIVE = ("dsr", "score")
# Columns of observations that a panel has where any of its rows has a number there.
CARRIED = ("lower95", "upper95", "coverage", "imputed")
COUNTED = ("events", "stock", "share")  # kinds whose parts are whole people or events
MONTHS_IN = {"M": 1, "Q": 3, "Y": 12, "A": 12}
MONTHS_OF_UNIT = {"month": 1, "quarter": 3, "year": 12}
# Words in the name of an indicator whose risk is known to follow age.
FOLLOWS_AGE = re.compile(
    r"\b(deaths?|mortality|suicides?|admissions?|cancers?|strokes?|heart|dementia|falls|fractures?|"
    r"long[- ]term (?:illness|condition)s?|(?:bad|poor|ill)\b.*\bhealth|"
    r"disab(?:led|ility|ilities))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Indicator:
    """One row of the table `indicators`; text that is not given is an empty string.

    Attributes
    ----------
    kind : one of `KINDS`; when not given, what `value_type` usually is.
    unit_period : "month", "quarter", "year", or "" where the unit has none. Rates of events are
        per year unless another period is given.
    base : whom or what the denominator counts, for example "residents aged 15 to 64".
    margin : difference, in the unit, that counts as close enough; missing when none is declared.
    age_related : whether the risk follows age, so that crude values of areas with older and
        younger people cannot be compared; when not given, told from words such as "deaths" in the
        name of an event or a share.

    Raises
    ------
    ParameterError
        `kind` or `unit_period` is none of these.
    """

    indicator_id: str
    name: str
    unit: str
    value_type: str
    multiplier: float = 1.0
    polarity: str = "none"
    aim: str = ""
    theme: str = ""
    definition: str = ""
    lead_agency: str = ""
    source: str = ""
    licence: str = ""
    disclosure_profile: str = ""
    kind: str = ""
    unit_period: str = ""
    base: str = ""
    margin: float = field(default=np.nan, compare=False)  # missing is not equal to itself
    age_related: bool | None = None

    def __post_init__(self) -> None:
        """Fill in what is not given, and refuse what is unknown."""
        kind = self.kind or KIND_OF_VALUE_TYPE.get(self.value_type, "")
        period = self.unit_period or ("year" if kind in ("events", "standardised") else "")
        ages = self.age_related
        if ages is None:
            ages = kind in COUNTED and FOLLOWS_AGE.search(self.name) is not None
        where = f" for {self.indicator_id}"
        check_one_of(kind, ("", *KINDS), "kind", where=where)
        check_one_of(period, ("", *UNIT_PERIODS), "unit_period", where=where)
        for name, value in (("kind", kind), ("unit_period", period), ("age_related", bool(ages))):
            object.__setattr__(self, name, value)

    @property
    def counted(self) -> bool:
        """Whether its values come from counts of people, things or events."""
        return self.kind in COUNTED

    @property
    def per(self) -> str:
        """The unit as `wording` takes it: "per 1,000 residents a year", "a year" of a count.

        A code ("percent", "years", "score" ...) where the unit has no base and no period to name.
        """
        if not self.unit.startswith("per_"):
            return (
                f"a {self.unit_period}" if self.unit == "count" and self.unit_period else self.unit
            )
        period = f"a {self.unit_period}" if self.unit_period else ""
        parts = (f"per {self.multiplier:,.0f}", self.base, period)
        return " ".join(part for part in parts if part)

    def seen_in(self, panel: pd.DataFrame) -> Indicator:
        """The same indicator, as a published estimate when `panel` has not one numerator."""
        if not self.counted or panel["numerator"].notna().any():
            return self
        return replace(self, kind="published")


def find_indicator(rows: pd.DataFrame, wanted: object) -> Indicator:
    """The indicator of the table `rows` that has the id or the name `wanted`, in any case.

    Raises
    ------
    UnknownNameError
        There is none, or more than one; the message has the nearest names.
    """
    wanted = getattr(wanted, "indicator_id", wanted)
    called = rows[["indicator_id", "name"]].fillna("")
    nearest = ""
    if isinstance(wanted, str):
        found = rows[rows["indicator_id"] == wanted]
        if found.empty:
            found = rows[called.map(fold_name).eq(fold_name(wanted)).any(axis=1)]
        if len(found) == 1:
            row = found.iloc[0].dropna()
            given = {name: row[name] for name in Indicator.__dataclass_fields__ if name in row}
            return Indicator(**{"name": row["indicator_id"], "unit": "", "value_type": ""} | given)
        nearest = did_you_mean(wanted, filter(None, called.to_numpy().ravel()))
        said = f'This study has no indicator "{wanted}".{nearest}'
    else:
        said = f"An indicator is given by its id or name, and this is {wording.a_type(wanted)}."
    listed = f" There are {wording.and_list(rows['indicator_id'].head(20))}."
    raise UnknownNameError(f"{said}{'' if nearest else listed} The table `indicators` lists them.")


def months_in(freq: str) -> int:
    """Months in a period of the pandas frequency `freq`: "M", "Q-DEC", "Y-MAR", "3Y-DEC" ..."""
    number, unit = re.match(r"(\d*)([A-Z])", freq.upper()).groups()
    return int(number or 1) * MONTHS_IN[unit]


def on_unit_period(panel: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """A panel of events with exposures, and so values, on the period of the indicator's unit.

    A month's denominator of people becomes a twelfth as many person-years, so ``numerator /
    denominator x multiplier`` is a rate per year, whatever the length of the periods. Counts
    without a denominator become counts per unit period. Panels of other kinds are unchanged.

    Parameters
    ----------
    panel : DataFrame with ``period`` (pandas Period), ``numerator``, ``denominator``, ``value``.
    indicator : Indicator
    """
    if indicator.kind != "events" or not indicator.unit_period or panel.empty:
        return panel
    months = months_in(panel["period"].dtype.freq.freqstr)
    # Publishers count the denominators of several years together as person-years already.
    part = min(months, MONTHS_IN["Y"]) / MONTHS_OF_UNIT[indicator.unit_period]
    if part == 1:
        return panel
    return panel.assign(denominator=panel["denominator"] * part, value=panel["value"] / part)


def join_periods(
    panel: pd.DataFrame, indicator: Indicator, windows: pd.Series | np.ndarray
) -> pd.DataFrame:
    """One row per area and window of periods, joined as the kind of the indicator asks.

    Parameters
    ----------
    panel : DataFrame with ``area_code``, ``period``, ``numerator``, ``denominator``, ``value``.
        Any period length; denominators are people, not person-years.
    indicator : Indicator
    windows : one label per row of `panel`, for example the year its period lies in. Rows whose
        label is missing are left out.

    Returns
    -------
    DataFrame with ``area_code``, ``window``, ``numerator``, ``denominator``, ``value``, ``first``,
    ``last`` (periods) and ``n_periods``. Events: summed, denominator in units of people x unit
    period (person-years). Stocks: average count and average population. Shares: both summed. Other
    kinds: the last edition in the window. A missing part of a window makes its sum missing.
    """
    rows = on_unit_period(panel, indicator).assign(window=np.asarray(windows))
    rows = rows[pd.notna(rows["window"])].sort_values(["area_code", "window", "period"])
    by = rows.groupby(["area_code", "window"], sort=True)
    made = by["period"].agg(first="min", last="max", n_periods="size")
    parts = ["numerator", "denominator"]
    if indicator.kind in ("events", "share"):
        made[parts] = by[parts].sum(min_count=1)
    elif indicator.kind == "stock":
        made[parts] = by[parts].mean()
    else:
        kept = [*parts, "value", *(end for end in ("lower95", "upper95") if end in rows)]
        made[kept] = by[kept].tail(1).set_axis(made.index)
        return made.reset_index()
    whole = by[parts].count().eq(made["n_periods"], axis=0)
    made[parts] = made[parts].where(whole)
    base = made["denominator"].where(made["denominator"] > 0)
    made["value"] = made["numerator"] / base * indicator.multiplier
    if indicator.unit == "count":
        part = made["n_periods"] * months_in(rows["period"].dtype.freq.freqstr)
        part = part / MONTHS_OF_UNIT.get(indicator.unit_period, np.nan)
        made["value"] = made["numerator"] / (part if indicator.kind == "events" else 1.0)
    return made.reset_index()


def tidy_panel(observations: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Observations of one indicator, all people together, as a panel of areas and periods.

    Parameters
    ----------
    observations : DataFrame, rows of the table `observations`
        Rows of other indicators and of single groups of people (sex, age, group not ``all``) are
        left out.
    indicator : Indicator
        A value that is not given is worked out as numerator / denominator x multiplier.

    Returns
    -------
    DataFrame with ``area_code``, ``period`` (pandas Period), ``numerator``, ``denominator``,
    ``value`` (in the indicator's unit), ``note`` (empty when there is none), sorted; where the
    study has them also ``lower95``, ``upper95``, ``coverage`` and ``imputed``.

    Raises
    ------
    PanelError
        Nothing is left, periods are of several or of unknown lengths, or a row is repeated.
    """
    people = [name for name in ("sex", "age", "group") if name in observations]
    rows = observations[(observations[people].fillna(ALL) == ALL).all(axis=1)]
    if "indicator_id" in rows:
        rows = rows[rows["indicator_id"] == indicator.indicator_id]
    if rows.empty:
        raise PanelError(
            f'There are no observations of "{indicator.indicator_id}" for all people together. '
            "Add rows with sex, age and group `all`, or choose another indicator."
        )
    kinds = period_kinds(rows["period_start"], rows["period_end"])
    freq = _one_kind(kinds, indicator.indicator_id)
    period = pd.PeriodIndex(pd.to_datetime(rows["period_start"]), freq=freq)
    panel = rows[["area_code"]].assign(period=period)
    for name in ("numerator", "denominator", "value"):
        panel[name] = pd.to_numeric(rows[name]).astype("float64") if name in rows else np.nan
    panel["note"] = rows["note"].astype("str").fillna("") if "note" in rows else ""
    panel["value"] = panel["value"].fillna(_worked_out(panel, indicator))
    for name in CARRIED:
        if name in rows and rows[name].notna().any():
            panel[name] = pd.to_numeric(rows[name]).astype("float64")
    repeated = panel[panel.duplicated(["area_code", "period"])]
    if not repeated.empty:
        first = repeated.iloc[0]
        raise PanelError(
            f'{len(repeated)} rows of "{indicator.indicator_id}" repeat an area and period, first '
            f"({first['area_code']}, {first['period']}). Keep one row for each."
        )
    return panel.sort_values(["area_code", "period"], ignore_index=True)


def period_kinds(start: pd.Series, end: pd.Series) -> pd.Series:
    """The pandas frequency of each period: M, Q, Y-DEC, 3Y-MAR ...; empty when it is none of these.

    A month, a quarter of the calendar year, or whole years from the first of any month.
    """
    start, end = pd.to_datetime(start), pd.to_datetime(end)
    whole = start.dt.is_month_start & end.dt.is_month_end
    months = months_to(start, end)
    named = end.dt.month.map(lambda month: MONTHS[int(month) - 1].upper(), na_action="ignore")
    years = (months // 12).map(lambda n: f"{n:.0f}Y-" if n > 1 else "Y-", na_action="ignore")
    kinds = pd.Series("", index=start.index, dtype="str")
    kinds = kinds.mask(whole & (months == 1), "M")
    kinds = kinds.mask(whole & (months == 3) & (end.dt.month % 3 == 0), "Q-DEC")
    return kinds.mask(whole & (months % 12 == 0) & (months > 0), years + named)


def months_to(start: pd.Series, end: pd.Series) -> pd.Series:
    """Months from that of each start to that of each end, both counted."""
    return (end.dt.year - start.dt.year) * 12 + end.dt.month - start.dt.month + 1


def _one_kind(kinds: pd.Series, indicator_id: str) -> str:
    found = sorted(kinds[kinds != ""].unique())
    unknown = int((kinds == "").sum())
    if unknown:
        raise PanelError(
            f'{unknown} of {len(kinds)} periods of "{indicator_id}" are not a month, a calendar '
            "quarter or twelve months from the first of a month. "
            "Correct period_start and period_end."
        )
    if len(found) > 1:
        raise PanelError(
            f'"{indicator_id}" mixes periods of {len(found)} kinds: {", ".join(found)}. '
            "Make them two indicators, or correct the dates."
        )
    return found[0]


def _worked_out(panel: pd.DataFrame, indicator: Indicator) -> pd.Series:
    """Numerator / denominator x multiplier; for a count, the numerator itself."""
    if indicator.value_type in NOT_ADDITIVE:
        return pd.Series(np.nan, index=panel.index)
    if indicator.unit == "count":
        return panel["numerator"].astype("float64")
    base = panel["denominator"].where(panel["denominator"] > 0)
    return panel["numerator"] / base * indicator.multiplier
