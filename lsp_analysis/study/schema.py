"""The tables of a study folder as data, and the Frictionless descriptor built from them.

Every other module asks this one what a table holds: the store for the types of its columns, the
check for keys and allowed values, `new` for the help it prints beside an example row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lsp_analysis.study.indicator import KINDS, UNIT_PERIODS

DESCRIPTOR = "datapackage.json"
GEOMETRY = "geometry"

UNITS = ("percent", "per_1000", "per_10000", "per_100000", "count", "mean", "years", "score")
UNIT_MULTIPLIER = {"percent": 100.0, "per_1000": 1_000.0}
UNIT_MULTIPLIER |= {"per_10000": 10_000.0, "per_100000": 100_000.0}
VALUE_TYPES = ("proportion", "rate", "mean", "dsr", "count", "person_periods", "score")
POLARITIES = ("high_is_good", "low_is_good", "none")
AIMS = ("prosperity", "gap", "both")
NOTES = ("suppressed", "estimated", "revised", "break", "not available", "not applicable")
CHANGES = ("U", "S", "M", "X")
ALL = "all"

# Smallest first. A study may name other types: they sort after these.
AREA_TYPES = ("oa", "lsoa", "msoa", "ward", "neighbourhood", "borough", "region", "england")
# What a name means when areas of several types share it.
NAME_PRECEDENCE = ("neighbourhood", "msoa", "ward", "lsoa", "borough", "region", "england", "oa")

# What publishers write where a number is not, and what they mean by it.
MISSING_MARKS = {
    "*": "suppressed",
    "c": "suppressed",
    "[c]": "suppressed",
    "suppressed": "suppressed",
    **{f"{less}{n}": "suppressed" for n in range(2, 31) for less in ("<", "< ", "<=", "≤")},
    "-": "not available",
    "–": "not available",
    "—": "not available",
    ":": "not available",
    "..": "not available",
    "…": "not available",
    ".": "not applicable",
    "x": "not available",
    "[x]": "not available",
    "[u]": "not available",
    "NA": "not available",
    "nan": "not available",
    "NaN": "not available",
    "null": "not available",
    "NULL": "not available",
    "z": "not applicable",
    "[z]": "not applicable",
    "n/a": "not available",
    "N/A": "not available",
    "#N/A": "not available",
}


@dataclass(frozen=True)
class Column:
    """One column: its Frictionless type, whether a table must have it, and what it holds."""

    name: str
    type: str
    about: str
    required: bool = True
    allowed: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()
    default: Any = None


@dataclass(frozen=True)
class Table:
    """One table: its columns, the columns that identify a row, and what it is for."""

    name: str
    key: tuple[str, ...]
    about: str
    columns: tuple[Column, ...]
    required: bool = False

    @property
    def names(self) -> list[str]:
        """Column names in the order they are written."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column | None:
        """The column called `name`, or None when the schema does not know it."""
        return next((column for column in self.columns if column.name == name), None)


def _text(name: str, about: str, **more: Any) -> Column:
    return Column(name, "string", about, **more)


def _number(name: str, about: str, **more: Any) -> Column:
    return Column(name, "number", about, **more)


def _whole(name: str, about: str, **more: Any) -> Column:
    return Column(name, "integer", about, **more)


def _date(name: str, about: str, **more: Any) -> Column:
    return Column(name, "date", about, **more)


def _flag(name: str, about: str, **more: Any) -> Column:
    return Column(name, "boolean", about, **more)


AREA_CODE = _text("area_code", "code of the area, for example E01004802")
CODE_VINTAGE = _whole("code_vintage", "year of the code list: 2001, 2011, 2021, or a ward's year")
INDICATOR_ID = _text("indicator_id", "short name of the indicator, as in `indicators`")
LEAD_AGENCY = _text("lead_agency", "who answers for it", required=False)
THEME = _text("theme", "theme of the community strategy", required=False)
SEX = _text("sex", "`all`, `female` or `male`", default=ALL, required=False)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "areas",
            ("area_code", "code_vintage"),
            "every area the study speaks of, small areas and what they make up",
            (
                AREA_CODE,
                _text("area_name", "name for people; never a key"),
                _text("area_type", "what kind of area", suggested=AREA_TYPES),
                CODE_VINTAGE,
                _text(
                    "borough_code", "code of the borough it lies in, blank above", required=False
                ),
                _flag("is_pilot", "true where the programme runs", required=False, default=False),
            ),
            required=True,
        ),
        Table(
            "indicators",
            ("indicator_id",),
            "what is measured, in which unit, and which way is good",
            (
                INDICATOR_ID,
                _text("name", "name for people"),
                _text("definition", "what is counted, of whom", required=False),
                _text("unit", "unit of the value", allowed=UNITS),
                _text("value_type", "how the value comes about", allowed=VALUE_TYPES),
                _text(
                    "kind",
                    "what is measured, and so how periods are joined; blank: as the value type",
                    required=False,
                    allowed=KINDS,
                ),
                _text(
                    "unit_period",
                    "period of the unit that pages show; blank: a year for events",
                    required=False,
                    allowed=UNIT_PERIODS,
                ),
                _text(
                    "base",
                    "whom or what the denominator counts, for example residents",
                    required=False,
                ),
                _number("multiplier", "value = numerator / denominator x multiplier"),
                _text("polarity", "which way is good", allowed=POLARITIES),
                _number(
                    "margin", "difference that counts as close enough, in the unit", required=False
                ),
                _flag(
                    "age_related", "true where the risk follows age; blank: unknown", required=False
                ),
                _text("aim", "aim of the strategy it serves", required=False, allowed=AIMS),
                THEME,
                LEAD_AGENCY,
                _text("source", "who publishes it, and where", required=False),
                _text("licence", "licence it is used under", required=False),
                _text("disclosure_profile", "small-number rule it is shown under", required=False),
            ),
            required=True,
        ),
        Table(
            "observations",
            ("indicator_id", "area_code", "period_start", "period_end", "sex", "age", "group"),
            "the numbers: one row per indicator, area, period and group of people",
            (
                INDICATOR_ID,
                AREA_CODE,
                _date("period_start", "first day of the period"),
                _date("period_end", "last day of the period"),
                SEX,
                _text("age", "`all` or an age band such as 15-19", default=ALL, required=False),
                _text("group", "`all` or another group of people", default=ALL, required=False),
                _number("numerator", "how many", required=False),
                _number("denominator", "out of how many", required=False),
                _number("value", "numerator / denominator x multiplier", required=False),
                _number("lower95", "lower end of the 95% interval", required=False),
                _number("upper95", "upper end of the 95% interval", required=False),
                _number(
                    "coverage", "share of the events placed, or of areas reporting", required=False
                ),
                _number(
                    "imputed",
                    "stands for a withheld count where areas are added up",
                    required=False,
                ),
                _text(
                    "note", "why a number is missing or special", required=False, suggested=NOTES
                ),
            ),
            required=True,
        ),
        Table(
            "deprivation",
            ("area_code", "code_vintage", "edition"),
            "Indices of Deprivation, one row per small area and edition",
            (
                AREA_CODE,
                CODE_VINTAGE,
                _whole("edition", "year of the edition"),
                _whole("rank", "national rank, 1 is most deprived"),
                _number("score", "score, not comparable between editions", required=False),
                _whole("decile", "national tenth, 1 is most deprived", required=False),
                _whole("data_year", "year most of the data are of", required=False),
            ),
        ),
        Table(
            "area_members",
            ("area_code", "member_code", "code_vintage"),
            "which small areas make up an MSOA, ward, borough or neighbourhood",
            (
                AREA_CODE,
                _text("member_code", "code of the smaller area"),
                CODE_VINTAGE,
                _number("weight", "share of the smaller area inside, 0 to 1", default=1.0),
            ),
        ),
        Table(
            "code_lookup",
            ("from_code", "to_code", "from_vintage", "to_vintage"),
            "how codes of one vintage become codes of another",
            (
                _text("from_code", "code in the older list"),
                _text("to_code", "code in the newer list"),
                _whole("from_vintage", "year of the older list"),
                _whole("to_vintage", "year of the newer list"),
                _text("change", "U same, S split, M merged, X complex", allowed=CHANGES),
                _number("weight", "share of the older area that goes to the newer", default=1.0),
            ),
        ),
        Table(
            "populations",
            ("area_code", "period", "sex", "age_band"),
            "residents by sex and age",
            (
                AREA_CODE,
                _text("period", "period the estimate is of, for example 2008"),
                SEX,
                _text("age_band", "`all` or a band such as 15-19", default=ALL, required=False),
                _number("population", "residents"),
            ),
        ),
        Table(
            "plan",
            ("measure_id",),
            "the plan's performance measures, baselines and targets",
            (
                _text("measure_id", "reference of the measure"),
                _text("indicator_id", "indicator that measures it"),
                _text("aim", "aim of the strategy it serves", required=False, allowed=AIMS),
                THEME,
                _flag(
                    "in_laa", "true if in the Local Area Agreement", required=False, default=False
                ),
                _text("baseline_period", "period of the baseline", required=False),
                _number("baseline", "value at the baseline", required=False),
                _number("target", "value to reach", required=False),
                _number("stretch_target", "more challenging value to reach", required=False),
                _text("due", "period the target is for", required=False),
                LEAD_AGENCY,
                _text("contributing_agencies", "others, separated by ;", required=False),
            ),
        ),
        Table(
            "events",
            ("event_id",),
            "what happened where and when",
            (
                _text("event_id", "reference of the event"),
                AREA_CODE,
                _date("date", "day it happened or began"),
                _text("kind", "what kind of event"),
                _text("label", "words to print on a chart"),
                _text("intervention_id", "programme it belongs to", required=False),
            ),
        ),
        Table(
            "interventions",
            ("intervention_id",),
            "programmes: where, when, by whom, at what cost",
            (
                _text("intervention_id", "reference of the programme"),
                _text("name", "name for people"),
                AREA_CODE,
                _date("start", "first day"),
                _date("end", "last day", required=False),
                _text("agency", "who runs it", required=False),
                THEME,
                _text("kind", "what kind of programme", required=False),
                _number("cost_gbp", "cost in pounds", required=False),
                _number("people_reached", "people reached", required=False),
            ),
        ),
        Table(
            "resources",
            ("resource_id",),
            "money: which stream, for what, where, when",
            (
                _text("resource_id", "reference of the line"),
                _text("stream", "where the money comes from, for example Area Based Grant"),
                THEME,
                _text("agency", "who spends it", required=False),
                _text("area_code", "where it is spent, blank if borough-wide", required=False),
                _text("period", "period it is for, for example 2008/09"),
                _number("amount_gbp", "pounds"),
            ),
        ),
        Table(
            "assets",
            ("asset_id",),
            "buildings and points where services meet people",
            (
                _text("asset_id", "reference of the place"),
                _text("name", "name for people"),
                _text("kind", "what kind of place, for example access point"),
                _text("services", "services found there, separated by ;", required=False),
                _date("opened", "day it opened", required=False),
                _number("x", "easting in metres (EPSG:27700)", required=False),
                _number("y", "northing in metres (EPSG:27700)", required=False),
            ),
        ),
        Table(
            "sharing",
            ("table",),
            "who may see which table, why, and until when",
            (
                _text("table", "table the agreement covers"),
                _text("owner_agency", "who owns the data", required=False),
                _text("recipients", "who may see it, separated by ;", required=False),
                _text("purpose", "what it may be used for", required=False),
                _text("basis", "legal basis", required=False),
                _whole("min_cell", "smallest count that may be shown", required=False),
                _date("expires", "last day of the agreement", required=False),
                _flag("may_publish", "true if it may be published", required=False),
            ),
        ),
    )
}

REQUIRED_TABLES = tuple(table.name for table in TABLES.values() if table.required)
