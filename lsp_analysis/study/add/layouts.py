"""What a reader of tables is told in advance, and what it says of a table afterwards."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import pandas as pd

from lsp_analysis.study import schema
from lsp_analysis.study.add.headings import each
from lsp_analysis.study.add.places import Places
from lsp_analysis.study.check.problems import Problem

SHOWN = 3
FAR = 10  # times the next largest number, from which one is told as far out
FEWEST = 8  # numbers that say what is usual


@dataclass(frozen=True)
class Answers:
    """What the person who brings a table says of it, where it does not say so itself."""

    sheet: str = ""
    code_column: str = ""
    period: str = ""  # heading of the column of periods, or the one period of the whole table
    freq: str = ""  # M, Q, Y, Y-MAR, Y-AUG: length of a period given as one day


@dataclass(frozen=True)
class Layout:
    """What is special about one publisher's table; a table has it when it has all its headings.

    Attributes
    ----------
    title, publisher, licence : for the record of sources; licence is a key of `register.LICENCES`.
    headings : regular expressions of headings (lower case, single spaces) by role: ``numerator``,
        ``denominator``, ``value``, ``period``, ``indicator_name`` and others of `SPELLINGS`.
    optional : the same of headings that it may have.
    parts : headings of columns whose sum is the numerator.
    marks, unless : further headings that the table must have, and one that it must not have.
    named : a word that the file, sheet or title must hold, where headings do not tell.
    indicator : columns of the table `indicators`; without ``indicator_id`` the table names its own.
    check : heading of a column that is numerator / denominator, as published; a row is damaged
        where it is not.
    readings : how many counts of the period its numerator is the sum of, such as 12 months of
        people at a date; it is kept as their average.
    period, freq : as in `Answers`, where such tables do not say.
    ending : months that the month or quarter in a heading is the end of; 0 when it is the period.
    answers : whether each row is one answer, an indicator of its own over all of an area's answers.
    add_up : whether an area has several rows, as of practices, to be added up.
    complete : whether such a table always has all small areas, so that one that lacks some was cut.
    carried_forward : whether a denominator that repeats the year before in all areas is estimated.
    order, title_mark : all headings in order, for a file that lost them but has this in its title.
    native : whether the headings are the publisher's own.
    kind : what it holds if not observations: ``deprivation``, ``populations``, ``police`` ...
    year, years : its one year or edition; or that by the text of a heading's group ``year``.
    year_named, editions : whether the year is in the name of sheet, file or folder; those possible.
    not_in_sheet : words of which the name of its sheet has none.
    """

    title: str
    publisher: str
    headings: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[str] = ()
    marks: Sequence[str] = ()
    unless: str = ""
    named: str = ""
    indicator: Mapping[str, object] = field(default_factory=dict)
    check: str = ""
    readings: int = 1
    period: str = ""
    freq: str = ""
    ending: int = 0
    answers: bool = False
    add_up: bool = False
    complete: bool = True
    carried_forward: bool = False
    order: Sequence[str] = ()
    title_mark: str = ""
    native: bool = True
    licence: str = "OGL"
    kind: str = ""
    year: int = 0
    years: Mapping[str, int] = field(default_factory=dict)
    year_named: bool = False
    editions: Sequence[int] = ()
    not_in_sheet: Sequence[str] = ()

    def columns(self, headings: Sequence[str]) -> dict[str, tuple[int, ...]] | None:
        """The columns of each role, or None where a heading is missing."""
        folded = [fold_heading(heading) for heading in headings]

        def first(pattern: str) -> int | None:
            return next((at for at, h in enumerate(folded) if re.fullmatch(pattern, h)), None)

        roles = {**self.headings, **({"check": self.check} if self.check else {})}
        places = {role: first(pattern) for role, pattern in roles.items()}
        parts = [first(pattern) for pattern in self.parts]
        if None in (*places.values(), *parts, *map(first, self.marks)):
            return None
        if self.unless and first(self.unless) is not None:
            return None
        places |= {role: first(pattern) for role, pattern in self.optional.items()}
        found = {role: (at,) for role, at in places.items() if at is not None}
        return {**found, "numerator": tuple(parts)} if parts else found


def fold_heading(text: str) -> str:
    """A heading as patterns are compared with it: no byte-order mark, one case, single spaces."""
    return " ".join(text.replace("\ufeff", " ").split()).casefold()


@dataclass
class Account:
    """What became of one table: read as what, and what was left out and why."""

    file: str
    sheet: str = ""
    title: str = ""
    columns: str = ""
    rows: int = 0
    level: str = ""
    period: str = ""
    kind: str = ""
    notes: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def place(self) -> str:
        """The file, and the sheet if it is one of a workbook."""
        return f'{self.file}, sheet "{self.sheet}"' if self.sheet else self.file

    def cells(self) -> tuple[str, str, str, str, str]:
        """File and sheet, rows, areas, period and kind, as a table of what was read has them."""
        return self.place, f"{self.rows:,}", self.level, self.period, self.kind

    def sentence(self) -> str:
        """All of it in one line."""
        if self.problem:
            return f"{self.place}: {self.problem}"
        said = f"{self.place}: {self.rows:,} rows of {self.level}, {self.period}, {self.columns}"
        return "; ".join([f"{said}, as {self.kind}" if self.kind else said, *self.notes]) + "."


@dataclass
class OwnTable:
    """Rows of one table in the columns of `observations`, as text, and the account of them.

    Attributes
    ----------
    cells : DataFrame of text with ``indicator_name`` and ``unit`` beside the schema's columns.
    account : what was read and left out.
    places : DataFrame, row and heading in the file by index of `cells`.
    names : headings of the file by our names of columns.
    percent : whether the values were written with percent signs.
    """

    cells: pd.DataFrame
    account: Account
    places: pd.DataFrame = field(default_factory=pd.DataFrame)
    names: Mapping[str, str] = field(default_factory=dict)
    percent: bool = False
    layout: Layout | None = None

    def in_its_words(self, problem: Problem) -> Problem:
        """A problem of a row of `cells` at the row and under the heading of the file itself."""
        column = problem.column
        ours = "period" if column in ("period_start", "period_end") else column
        row, heading = problem.row, ""
        if row in self.places.index and "row" in self.places:
            row, heading = self.places.loc[row, ["row", "heading"]]
        theirs = self.names.get(column) or self.names.get(ours) or column
        if heading and ours not in ("area_code", *self.names):
            theirs = heading
        return replace(problem, file=self.account.place, row=int(row), column=theirs)


def _uneven(rows: pd.DataFrame, places: Places) -> list[str]:
    """The period with the fewest of the areas that other periods of its indicator have."""
    everybody = rows[(rows[["sex", "age", "group"]] == schema.ALL).all(axis=1)]
    level = everybody["area_code"].fillna("").map(places.level)
    by = [everybody["indicator_id"], level.rename("level")]
    areas = everybody.groupby([*by, "period_start"])["area_code"].nunique()
    lacking = areas.groupby(level=[0, 1]).transform("max") - areas
    if not lacking.any():
        return []
    at = lacking.idxmax()
    most = areas[at] + lacking[at]
    return [
        f"the period from {at[2]:%Y-%m-%d} has rows of {areas[at]} of the {most} areas "
        f"({at[1] or 'other'}) that others have: rows may have been cut off"
    ]


def _far_out(rows: pd.DataFrame, places: Places) -> list[str]:
    """Numbers far beyond all others of their indicator and level, and numerators over nothing."""
    told = []
    names = ["numerator", "denominator", "value"]
    by = [rows["indicator_id"], each(rows["area_code"].fillna(""), places.level)]
    groups = [(one, own) for (one, _), own in rows[names].groupby(by)]
    for name, (indicator_id, own) in product(names, groups):
        numbers = own[name].dropna().sort_values()
        if len(numbers) < FEWEST:
            continue
        low, second, next_to, high = numbers.iloc[[0, 1, -2, -1]]
        usual = numbers.median()
        if 0 < max(FAR * next_to, 2 * FAR * usual) < high:
            odd, far = numbers.tail(1), f"more than {FAR} times any other"
        elif low < 0 <= second or (low == 0 < usual < FAR * second):
            odd, far = numbers.head(1), "zero or below, and no other is near it"
        else:
            continue
        told.append(
            f"look at the {name} of {indicator_id} in {rows.loc[odd.index[0], 'area_code']}, "
            f"{odd.iloc[0]:,.10g}: it is {far}"
        )
    over = rows["denominator"].notna().groupby(rows["indicator_id"]).transform("mean") > 0.5
    counted = rows["numerator"].notna() | rows["value"].notna()
    without = over & counted & rows["denominator"].isna()
    if without.any():
        first = rows.loc[without.idxmax(), "area_code"]
        told.append(f"{without.sum():,} rows have no denominator: first {first}")
    return told


def complete_account(
    account: Account, rows: pd.DataFrame, indicators: pd.DataFrame, places: Places
) -> None:
    """Put rows, levels, periods and kinds into the account."""
    levels = rows["area_code"].dropna().drop_duplicates().map(places.level)
    small = levels.isin(["lsoa", "oa"])
    counts = levels.value_counts()
    account.level = ", ".join(f"{count} {level or 'other'}" for level, count in counts.items())
    if small.any() and len(places.small) > small.sum():
        account.notes.append(f"{small.sum()} of the {len(places.small)} small areas have rows")
    every = places.areas.groupby("area_type")["area_code"].nunique()
    for kind, word in (("msoa", "MSOAs"), ("ward", "wards")):
        known = every.get(kind, 0)
        if 0 < counts.get(kind, 0) < known:
            account.notes.append(f"{counts[kind]} of the {known} {word} have rows")
    account.notes += _uneven(rows, places) + _far_out(rows, places)
    account.rows = len(rows)
    first, last = rows["period_start"].min(), rows["period_end"].max()
    account.period = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" if pd.notna(first) else ""
    mine = indicators[indicators["indicator_id"].isin(rows["indicator_id"])]
    kinds = mine.reindex(columns=["unit", "kind"]).astype("str").replace("nan", "")
    kinds = kinds.drop_duplicates()
    said = [f"{row.unit} ({row.kind})" if row.kind else row.unit for row in kinds.itertuples()]
    account.kind = ", ".join(said[:SHOWN])
