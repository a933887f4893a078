"""What a check finds: where, what is wrong with it, and what to do."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import pandas as pd


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a study.

    `row` is the row a person sees in a spreadsheet (the header is row 1), 0 when the problem is of
    the whole file or column; `column` and `value` are empty when it is of no one column or cell.
    """

    file: str
    problem: str
    remedy: str
    row: int = 0
    column: str = ""
    value: str = ""

    def __str__(self) -> str:
        """One line for a person."""
        row = f"row {self.row}" if self.row else ""
        place = ", ".join(part for part in (self.file, row, self.column) if part)
        value = f" = {_short(self.value)}" if self.value else ""
        return f"{place}{value}: {self.problem} {self.remedy}"


@dataclass(frozen=True)
class Sheet:
    """One table as it was found: its text, and the same in the types of the schema.

    Both frames have the spreadsheet's row numbers as their index. `typed` has every column of the
    schema, missing where the file has none or where the text could not be read. A Parquet file's
    columns that are of their type already stay so in `text`: see `as_written`.
    """

    table: str
    file: str
    text: pd.DataFrame
    typed: pd.DataFrame

    def flag(
        self,
        wrong: pd.Series | list[int],
        column: str,
        problem: str | Callable[[int], str],
        remedy: str,
    ) -> list[Problem]:
        """A problem at each row where `wrong` holds, or at each of the rows `wrong`, in one
        sentence or one made from the row."""
        if isinstance(wrong, pd.Series):
            wrong = wrong.index[wrong.fillna(False).astype(bool)].tolist()
        if not wrong:
            return []
        values = [""] * len(wrong)
        if column in self.text:
            values = as_written(self.text.loc[wrong, column]).fillna("")
        said = [problem if isinstance(problem, str) else problem(row) for row in wrong]
        return [
            Problem(self.file, text, remedy, int(row), column, value)
            for row, value, text in zip(wrong, values, said, strict=True)
        ]


def as_written(values: pd.Series) -> pd.Series:
    """Cells as a person would write them; blank where there is nothing."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d")
    return values.astype("str").where(values.notna(), "")


def problems_frame(problems: Sequence[Problem]) -> pd.DataFrame:
    """Problems as a table: file, row, column, value, problem, remedy."""
    names = ["file", "row", "column", "value", "problem", "remedy"]
    return pd.DataFrame([asdict(problem) for problem in problems], columns=names)


def render(problems: Sequence[Problem]) -> str:
    """Problems as lines for the command line, the count last."""
    if not problems:
        return "No problems found."
    many, files = len(problems), len({problem.file for problem in problems})
    found = f"{many} problem{'s' * (many > 1)} in {files} file{'s' * (files > 1)}."
    return "\n".join([*map(str, problems), found])


def look_up(keys: pd.Series, facts: pd.Series) -> pd.Series:
    """`facts` at each of `keys`, in the type of `facts` even where there is nothing to find."""
    return facts.reindex(keys).set_axis(keys.index)


def _short(value: str) -> str:
    shown = repr(value) if value != value.strip() or not value.isprintable() else value
    return shown if len(shown) <= 60 else shown[:57] + "..."
