"""Start a study, and take an analyst's own tables into it: checked, and whole or not at all."""

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from importlib import resources as shipped
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import ParameterError, StudyError, check_one_of
from lsp_analysis.study import schema
from lsp_analysis.study.add.layouts import Account, Answers, OwnTable
from lsp_analysis.study.add.own_table import read_own_tables
from lsp_analysis.study.add.places import Places
from lsp_analysis.study.add.taking import KEY, Taken, take_table
from lsp_analysis.study.check.problems import Problem, Sheet, as_written, look_up
from lsp_analysis.study.check.text import load_sheet
from lsp_analysis.study.check.whole_study import check_file
from lsp_analysis.study.folder import files_of
from lsp_analysis.study.indicator import period_kinds
from lsp_analysis.study.store import Study, open_study
from lsp_analysis.study.write import (
    PARQUET_FROM_ROWS,
    conform,
    file_facts,
    forget_facts,
    homes_of,
    one_writer,
    resource_of,
    typed,
    whole_folder,
    write_descriptor,
    write_parts,
    write_study,
    write_table,
)

SHOWN_PROBLEMS = 20
FACTS = [name for name in schema.TABLES["indicators"].names if name != "indicator_id"]


@dataclass(frozen=True)
class Added:
    """What a table brought into a study."""

    study: Path
    indicator_ids: tuple[str, ...]
    rows: int
    areas: int
    first: pd.Timestamp
    last: pd.Timestamp
    missing: int
    gaps: tuple[Problem, ...]
    account: Account

    def sentence(self) -> str:
        """The same in words, and what was read from where."""
        said = (
            f"Added {self.rows:,} rows of {', '.join(self.indicator_ids)} to {self.study}: "
            f"{self.areas} areas, {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}"
        )
        if self.missing:
            said += f", {self.missing} of them without a number, as their notes say"
        notes = [f"Note: {gap.problem} {gap.remedy}" for gap in self.gaps]
        return "\n".join([f"{said}.", f"Read {self.account.sentence()}", *notes])

    __str__ = sentence


def add_table(
    study_path: str | Path,
    file: str | Path,
    *,
    indicator_id: str = "",
    answers: Answers | None = None,
    replace: bool = False,
    **facts: Any,
) -> Added:
    """Take the table in `file` into the study at `study_path`.

    The table names areas by code or name, and has numerators and denominators, or values, in rows
    or columns of periods, under the usual names; see `own_table.read_own_tables`. An ``indicator``
    column may tell several indicators apart. Codes of another year are carried over by the study's
    lookup. The study stays as it was unless all of the table is sound.

    Parameters
    ----------
    study_path : folder of the study.
    file : CSV or workbook.
    indicator_id : indicator the numbers are of, known to the study or new. By default the name of
        the indicator, or of the file, in lower case.
    answers : what the table leaves open: sheet, column of codes, period, length of a period.
    replace : take the place of rows of the same indicator, area and period; else they are refused.
    **facts : columns of `indicators` for a new indicator: name, unit, polarity, theme, ... The unit
        is percent unless given (count where there is no denominator), the polarity none.

    Raises
    ------
    StudyError
        The file or the study cannot be read, something has to be asked, or the check found
        problems: all are listed.
    ParameterError
        A fact is not a column of `indicators`, or has a value that is not allowed.
    """
    folder = open_study(study_path).path
    facts = _checked_facts(facts)
    file = durable.settled(file, StudyError)
    with one_writer(folder):
        study = open_study(folder)
        table = _one_table(file, places_of(study), answers or Answers())
        return _add(study, file, table, indicator_id, replace, facts)


def _add(
    study: Study,
    file: Path,
    table: OwnTable,
    indicator_id: str,
    replace: bool,
    facts: Mapping[str, Any],
) -> Added:
    """Check a table against the study as it is now, and write it with the table."""
    for resource in study.descriptor["resources"]:
        for part, recorded in study.files(resource["name"]).items():
            for problem in check_file(part, recorded):
                raise StudyError(f"{study.path} is not as it is on record. {problem}")
    known = study.indicators()
    name = str(facts.get("name") or file.stem)
    taken = take_table(
        table, places_of(study), known, name=name, indicator_id=indicator_id, facts=facts, ask=True
    )
    _refuse_contradiction(known, taken, facts)
    problems = dict.fromkeys(taken.problems)
    for part, new in _by_file(study, taken.observed):
        problems |= dict.fromkeys(_check_against(_held(part), new, replace))
    if problems:
        raise StudyError(_refusal(file, list(problems), table))
    _write(study, taken.observed, taken.indicators, replace)
    row = taken.observed.typed
    return Added(
        study=study.path,
        indicator_ids=tuple(row["indicator_id"].unique()),
        rows=len(row),
        areas=len(row["area_code"].drop_duplicates()),
        first=row["period_start"].min(),
        last=row["period_end"].max(),
        missing=int(row[["numerator", "value"]].isna().all(axis=1).sum()),
        gaps=tuple(taken.gaps),
        account=table.account,
    )


def _by_file(study: Study, new: Sheet) -> Iterator[tuple[Path, Sheet]]:
    """Every file of observations with the new rows that are about its areas."""
    homes = look_up(new.typed["area_code"], homes_of(study.areas())).fillna("")
    inside = homes.groupby(homes).indices
    for file, recorded in study.files("observations").items():
        own = inside.get(recorded["borough"], []) if "borough" in recorded else slice(None)
        part = changed(new, text=new.text.iloc[own], typed=new.typed.iloc[own])
        if len(part.text):
            yield file, part


def _held(file: Path) -> Sheet:
    """Rows of a file of observations; StudyError when it is damaged."""
    old, damage = load_sheet(file, "observations")
    if old is None:
        raise StudyError(f"The study's observations cannot be added to: {damage[0]}")
    return old


def places_of(study: Study) -> Places:
    """The areas of a study, for a table that names them."""
    lookup = pd.DataFrame(columns=schema.TABLES["code_lookup"].names)
    residents = None
    if study.has("populations"):
        people = study.read("populations")
        people = people[people["period"] == people["period"].min()]
        residents = people.groupby("area_code")["population"].sum()
    if study.has("code_lookup"):
        lookup = study.read("code_lookup")
    return Places(study.read("areas"), lookup, study.code_vintage, residents)


def _one_table(file: Path, places: Places, answers: Answers) -> OwnTable:
    """The only table of the file about areas of the study; several sheets are asked about."""
    tables = read_own_tables(file, places, answers)
    ours = [table for table in tables if len(table.cells)]
    if not ours:
        raise StudyError(f"{tables[0].account.sentence()}. Check the borough and the codes.")
    if len(ours) > 1:
        sheets = [table.account.sheet for table in ours]
        raise StudyError(
            f"{file.name} has tables in the sheets {', '.join(sheets)}. Say which with --sheet "
            f'"{sheets[0]}", and add one after the other.'
        )
    return ours[0]


def _checked_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`facts` in the types of the schema; ParameterError for one that has no such."""
    made = {}
    for name, value in facts.items():
        check_one_of(name, FACTS, "fact of an indicator")
        column = schema.TABLES["indicators"].column(name)
        if column.allowed:
            check_one_of(value, column.allowed, name)
        try:
            made[name] = typed(pd.Series([value]), column, "indicators").iloc[0]
        except StudyError as error:
            raise ParameterError(f'"{str(value)[:40]}" is no {name} ({column.type}).') from error
        if column.type == "number" and not (
            math.isfinite(made[name]) and (made[name] > 0 or name != "multiplier")
        ):
            raise ParameterError(f'"{str(value)[:40]}" is no {name}. Give a number above zero.')
    return made


def _refuse_contradiction(known: pd.DataFrame, taken: Taken, facts: Mapping[str, Any]) -> None:
    ids = taken.observed.typed["indicator_id"].unique()
    for row in known[known["indicator_id"].isin(ids)].to_dict("records"):
        for name, value in facts.items():
            if pd.notna(row.get(name)) and str(row[name]) != str(value):
                raise ParameterError(
                    f'The study has {row["indicator_id"]} with {name} "{row[name]}" already. '
                    "Leave it out, or give the table another indicator_id."
                )


def _check_against(old: Sheet, new: Sheet, replace: bool) -> list[Problem]:
    """Rows the study has already, and periods of another length than it has."""
    problems = []
    if not replace:
        again = pd.Series(_repeated(new, old), index=new.typed.index)
        said = "The study has this indicator, area and period already."
        problems += new.flag(again, "area_code", said, "Leave the row out, or add with replace.")
    kinds = [period_kinds(one.typed["period_start"], one.typed["period_end"]) for one in (old, new)]
    known = kinds[0].groupby(old.typed["indicator_id"]).agg(set)
    for name, own in kinds[1].groupby(new.typed["indicator_id"]):
        other = own.index[~own.isin(known.get(name, own))]
        said = f"The study has {name} in periods of another length."
        remedy = "Give the table another indicator_id."
        problems += new.flag(other[:1].tolist(), "period_start", said, remedy)
    return problems


def _repeated(one: Sheet, other: Sheet) -> np.ndarray:
    """Which rows of `one` are of an indicator, area and period that `other` has too."""
    keys = [pd.MultiIndex.from_frame(sheet.typed[KEY].astype("str")) for sheet in (one, other)]
    return keys[0].isin(keys[1])


def _refusal(file: Path, problems: list[Problem], table: OwnTable) -> str:
    """All problems, in the words of the analyst's own columns."""
    lines = [f"  {table.in_its_words(one)}" for one in problems[:SHOWN_PROBLEMS]]
    more = len(problems) - len(lines)
    if more:
        lines.append(f"  and {more} more.")
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return "\n".join([f"{file} was not added, for it has {count}; the study is unchanged.", *lines])


def _write(study: Study, new: Sheet, indicators: pd.DataFrame, replace: bool) -> None:
    """Write the study again with the new rows; a file that does not change is not written."""
    given = new.text.loc[:, (new.text != "").any()]
    homes = homes_of(study.areas())
    resources = []
    with whole_folder(study.path) as folder:
        for resource in study.descriptor["resources"]:
            table = resource["name"]
            if table == "indicators":
                made = write_table(folder, table, indicators)
            elif table == "observations" and isinstance(resource["path"], str):
                old = _held(next(iter(study.files(table))))
                kept = old.text[~_repeated(old, new)].apply(as_written)
                made = _write_as_text(folder, pd.concat([kept, given], ignore_index=True), homes)
            else:
                made = resource
                for part in files_of(resource):
                    place = folder / part["path"]
                    place.parent.mkdir(parents=True, exist_ok=True)
                    durable.link_or_copy(str(study.path / part["path"]), str(place))
                if table == "observations":
                    parts = _parts_without(study, folder, resource, new if replace else None)
                    rows = conform(table, given.replace("", None))
                    parts += write_parts(folder, table, rows, homes)
                    columns = [field["name"] for field in resource["schema"]["fields"]]
                    made = resource_of(table, parts, dict.fromkeys([*columns, *rows]))
            hashed = any("hash" in part for part in files_of(resource))
            resources.append(made if hashed else forget_facts(made))
        write_descriptor(folder, {**study.descriptor, "resources": resources})


def _parts_without(
    study: Study, folder: Path, resource: Mapping[str, Any], new: Sheet | None
) -> list[dict[str, Any]]:
    """The parts of a table in `folder`, without the rows that new ones take the place of."""
    parts = {study.path / part["path"]: part for part in files_of(resource)}
    for file, own in _by_file(study, new) if new else ():
        again = _repeated(_held(file), own)
        if again.any():
            place = folder / parts[file]["path"]
            place.unlink()  # it is the study's own file under a second name
            pd.read_parquet(file)[~again].to_parquet(place, index=False)
            parts[file] = parts[file] | {"hash": file_facts(place)["hash"]}
    return list(parts.values())


def _write_as_text(folder: Path, text: pd.DataFrame, homes: pd.Series) -> dict[str, Any]:
    """Write observations kept as text, so that nothing an analyst wrote is read and rewritten."""
    names = dict.fromkeys([*schema.TABLES["observations"].names, *text])
    ordered = text[[name for name in names if name in text]].fillna("")
    if len(ordered) > PARQUET_FROM_ROWS:
        return write_table(folder, "observations", ordered.replace("", None), homes)
    path = folder / "observations.csv"
    ordered.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
    return resource_of("observations", path, ordered)


def new_study(
    path: str | Path, *, name: str = "my-study", title: str = "A study of our borough"
) -> Path:
    """Write a study with example rows in every table, to be replaced, and a README on its columns.

    It passes the check as it is. Hashes are not recorded, for its files are to be edited by hand.

    Parameters
    ----------
    path : folder to write; it must not exist, or be empty.
    name, title : short name (lower case, no spaces), and title for people.

    Raises
    ------
    StudyError
        There is something at `path` already, or it cannot be written.
    """
    folder = durable.settled(path, StudyError)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(f"There is something at {folder} already. Choose a new folder.")
    return write_study(
        folder,
        {table: _example(table) for table in schema.TABLES},
        about={"name": name, "title": title, "lsp:simulated": False},
        extra_files={"README.md": _readme(title)},
        record_hashes=False,
    )


def _example(table: str) -> pd.DataFrame:
    """Example rows of one table; the place is invented, and so are the numbers."""
    text = (shipped.files("lsp_analysis.study") / "example" / f"{table}.csv").read_text("utf-8")
    columns = schema.TABLES[table].columns
    texts = {column.name: "str" for column in columns if column.type == "string"}
    return pd.read_csv(io.StringIO(text), dtype=texts)


def _readme(title: str) -> str:
    """What each table and column of a study is for, as Markdown, from the schema."""
    about = (shipped.files("lsp_analysis.study") / "example" / "README.md").read_text("utf-8")
    lines = [f"# {title}", "", about.rstrip()]
    for table in schema.TABLES.values():
        lines += ["", f"## {table.name}", "", f"{table.about[0].upper()}{table.about[1:]}.", ""]
        lines += ["| column | holds | must be there |", "|---|---|---|"]
        for column in table.columns:
            words = ", ".join(column.allowed or column.suggested)
            holds = f"{column.about}{words and f': {words}'} ({column.type})"
            must = "yes" if column.needed else "no"
            lines.append(f"| {column.name} | {holds} | {must} |")
        lines += ["", f"One row for each {' + '.join(table.key)}."]
    return "\n".join([*lines, ""])
