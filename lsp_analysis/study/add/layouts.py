"""What a reader of tables is told in advance, and what it says of a table afterwards."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from lsp_analysis.study.check.problems import Problem


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
