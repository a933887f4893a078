"""The tables of a study folder as data, and the Frictionless descriptor built from them.

Every other module asks this one what a table holds: the store for the types of its columns, the
check for keys and allowed values, `new` for the help it prints beside an example row.
"""

import csv
from dataclasses import dataclass
from importlib import resources
from typing import Any

DESCRIPTOR = "datapackage.json"
GEOMETRY = "geometry"

ALL = "all"

# What a name means when areas of several types share it.
NAME_PRECEDENCE = ("neighbourhood", "msoa", "ward", "lsoa", "borough", "region", "england", "oa")

# What publishers write where a number is not, by what they mean by it.
_MARKS = {
    "suppressed": ("*", "**", "c", "[c]", "suppressed", "SUPP", *(
        f"{less}{n}" for n in range(2, 31) for less in ("<", "< ", "<=", "≤")
    )),
    "not available": ("-", "–", "—", ":", "..", "…", "x", "[x]", "[u]", "NA", "nan", "NaN", "null",
                      "NULL", "n/a", "N/A", "#N/A", "u", "k", "low", "[low]", "[w]", "~", "#", "!"),
    "not applicable": (".", "z", "[z]"),
}  # fmt: skip
MISSING_MARKS = {mark: meaning for meaning, marks in _MARKS.items() for mark in marks}


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

    @property
    def needed(self) -> bool:
        """Whether a file must have it, as nothing takes its place."""
        return self.required and self.default is None


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


def listed(name: str) -> list[dict[str, str]]:
    """Rows of a table that comes with this package; blank cells are left out."""
    text = (resources.files("lsp_analysis.study") / name).read_text("utf-8")
    return [{k: v for k, v in row.items() if v} for row in csv.DictReader(text.splitlines())]


def _columns() -> dict[str, list[Column]]:
    """The columns of each table, as `columns.csv` lists them."""
    default = {"number": float, "boolean": "true".__eq__}
    made: dict[str, list[Column]] = {}
    for row in listed("columns.csv"):
        if "default" in row:
            row["default"] = default.get(row["type"], str)(row["default"])
        row["required"] = "required" in row
        words = {
            name: tuple(row[name].split(";")) for name in ("allowed", "suggested") if name in row
        }
        made.setdefault(row.pop("table"), []).append(Column(**row | words))
    return made


_COLUMNS = _columns()
TABLES = {
    row["table"]: Table(
        row["table"],
        tuple(row["key"].split(";")),
        row["about"],
        tuple(_COLUMNS[row["table"]]),
        "required" in row,
    )
    for row in listed("tables.csv")
}
# What each unit is multiplied by, what its values usually are, and how a heading says it.
UNIT_ROWS = listed("units.csv")
UNIT_MULTIPLIER = {
    row["unit"]: float(row["multiplier"]) for row in UNIT_ROWS if "multiplier" in row
}
REQUIRED_TABLES = tuple(table.name for table in TABLES.values() if table.required)

_OF_INDICATOR = {column.name: column.allowed for column in TABLES["indicators"].columns}
UNITS, VALUE_TYPES, KINDS, UNIT_PERIODS = map(
    _OF_INDICATOR.get, ("unit", "value_type", "kind", "unit_period")
)
# Smallest first. A study may name other types: they sort after these.
AREA_TYPES = TABLES["areas"].column("area_type").suggested
