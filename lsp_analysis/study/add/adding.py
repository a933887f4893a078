"""Take an analyst's own table into a study: read, checked, and written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import ParameterError, StudyError, did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.add.own_table import read_own_table
from lsp_analysis.study.areas import fold_name, slug
from lsp_analysis.study.check.areas import check_areas
from lsp_analysis.study.check.cells import judge_sheet
from lsp_analysis.study.check.keys import check_keys
from lsp_analysis.study.check.periods import check_periods
from lsp_analysis.study.check.problems import Problem, Sheet
from lsp_analysis.study.check.text import load_sheet
from lsp_analysis.study.check.values import check_values
from lsp_analysis.study.panel import period_kinds
from lsp_analysis.study.store import Study, open_study
from lsp_analysis.study.write import (
    PARQUET_FROM_ROWS,
    file_facts,
    forget_facts,
    one_writer,
    whole_folder,
    write_descriptor,
    write_table,
)

KEY = list(schema.TABLES["observations"].key)
TYPE_OF_UNIT = {
    "percent": "proportion",
    "per_1000": "rate",
    "per_100000": "rate",
    "count": "count",
    "mean": "mean",
    "years": "mean",
    "score": "score",
}
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

    def sentence(self) -> str:
        """The same in words."""
        said = (
            f"Added {self.rows:,} rows of {', '.join(self.indicator_ids)} to {self.study}: "
            f"{self.areas} areas, {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}"
        )
        if self.missing:
            said += f", {self.missing} of them without a number, as their notes say"
        lines = [f"{said}.", *(f"Note: {gap.problem} {gap.remedy}" for gap in self.gaps)]
        return "\n".join(lines)

    __str__ = sentence


def add_table(
    study_path: str | Path,
    file: str | Path,
    *,
    indicator_id: str = "",
    freq: str | None = None,
    sheet: str | None = None,
    replace: bool = False,
    **facts: Any,
) -> Added:
    """Take the table in `file` into the study at `study_path`.

    The table has one row for each area and period: code, period, numerator and denominator (or
    value), in any order and under the usual names. An ``indicator`` column may tell several
    indicators apart. The study stays as it was unless all of the table is sound.

    Parameters
    ----------
    study_path : folder of the study.
    file : CSV or XLSX, see `own_table.read_own_table`.
    indicator_id : indicator the numbers are of, known to the study or new. By default the name of
        the indicator, or of the file, in lower case.
    freq : "M", "Q", "Y", "Y-MAR"; needed when a period is given as one day.
    sheet : sheet of a workbook.
    replace : take the place of rows of the same indicator, area and period; else they are refused.
    **facts : columns of `indicators` for a new indicator: name, unit, polarity, theme, ... The unit
        is percent unless given (count where there is no denominator), the polarity none.

    Raises
    ------
    StudyError
        The file or the study cannot be read, or the check found problems: all are listed.
    ParameterError
        A fact is not a column of `indicators`, or has a value that is not allowed.
    """
    folder = open_study(study_path).path
    _refuse_unknown_facts(facts)
    file = durable.settled(file, StudyError)
    cells = read_own_table(file, freq=freq, sheet=sheet)
    with one_writer(folder):
        return _add(open_study(folder), file, cells, indicator_id, replace, facts)


def _add(
    study: Study,
    file: Path,
    cells: pd.DataFrame,
    indicator_id: str,
    replace: bool,
    facts: Mapping[str, Any],
) -> Added:
    """Check `cells` against the study as it is now, and write it with them."""
    columns, places = cells.attrs["columns"], cells.attrs.get("places", {})
    if facts.get("unit") == "count" and "numerator" not in cells:
        cells = cells.rename(columns={"value": "numerator"})
    indicators, cells = _with_indicators(study, file, cells, indicator_id, facts)
    observed, problems = judge_sheet("observations", file.name, _in_schema(cells), [])
    problems += _check(study, observed, indicators)
    old, damage = load_sheet(study.file("observations"), "observations")
    if old is None:
        raise StudyError(f"The study's observations cannot be added to: {damage[0]}")
    problems += _check_against(old, observed, replace)
    if problems:
        raise StudyError(_refusal(file, problems, columns, places))
    _write(study, old, observed, indicators)
    return _record(study, observed, _gaps(study, observed))


def _refuse_unknown_facts(facts: Mapping[str, Any]) -> None:
    for name, value in facts.items():
        if name not in FACTS:
            raise ParameterError(
                f'An indicator has no "{name}".{did_you_mean(name, FACTS)} '
                f"It has {', '.join(FACTS)}."
            )
        allowed = schema.TABLES["indicators"].column(name).allowed
        if allowed and value not in allowed:
            raise ParameterError(
                f'"{value}" is no {name}.{did_you_mean(str(value), allowed)} '
                f"Choose one of {', '.join(allowed)}."
            )


def _with_indicators(
    study: Study, file: Path, cells: pd.DataFrame, indicator_id: str, facts: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The study's indicators with new ones added, and the cells with the id of each row's own."""
    known = study.indicators()
    ids = dict(zip(known["name"].map(fold_name), known["indicator_id"], strict=True))
    ids |= {fold_name(one): one for one in known["indicator_id"]}
    if "indicator_id" in cells and not indicator_id:
        named = cells["indicator_id"]
    else:
        one = indicator_id or str(facts.get("name") or file.stem)
        named = pd.Series(one, index=cells.index, dtype="str")
    new = []
    for name in named.unique():
        if fold_name(name) not in ids:
            made = indicator_id or slug(name, fallback="indicator").replace("-", "_")
            ids[fold_name(name)] = made
            new.append(_new_indicator(made, name, cells, facts))
    _refuse_contradiction(known, [ids[fold_name(name)] for name in named.unique()], facts)
    cells = cells.assign(indicator_id=named.map(lambda name: ids[fold_name(name)]))
    if not new:
        return known, cells
    return pd.concat([known, pd.DataFrame(new)], ignore_index=True), cells


def _new_indicator(
    indicator_id: str, name: str, cells: pd.DataFrame, facts: Mapping[str, Any]
) -> dict[str, Any]:
    based = "denominator" in cells and (cells["denominator"] != "").any()
    counted = "numerator" in cells and (cells["numerator"] != "").any()
    percent = cells.attrs.get("percent", False)
    if "unit" not in facts and not counted and not percent:
        raise StudyError(
            f'The table has values of "{name}" and no numerators, so their unit cannot be told. '
            f"Give unit, one of {', '.join(schema.UNITS)}."
        )
    unit = facts.get("unit", "percent" if based or percent else "count")
    if percent and unit != "percent":
        raise StudyError(
            f'The values of "{name}" have percent signs, and the unit given is {unit}. '
            "Give percent as the unit, or take the signs away."
        )
    usual = {
        "name": name,
        "unit": unit,
        "value_type": TYPE_OF_UNIT[unit],
        "multiplier": schema.UNIT_MULTIPLIER.get(unit, 1.0),
        "polarity": "none",
    }
    return {"indicator_id": indicator_id} | usual | dict(facts)


def _refuse_contradiction(known: pd.DataFrame, ids: list[str], facts: Mapping[str, Any]) -> None:
    for row in known[known["indicator_id"].isin(ids)].to_dict("records"):
        for name, value in facts.items():
            if pd.notna(row[name]) and str(row[name]) != str(value):
                raise ParameterError(
                    f'The study has {row["indicator_id"]} with {name} "{row[name]}" already. '
                    "Leave it out, or give the table another indicator_id."
                )


def _in_schema(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells with every column of `observations`, defaults filled in."""
    made = {}
    for column in schema.TABLES["observations"].columns:
        blank = pd.Series(column.default or "", index=cells.index, dtype="str")
        given = cells.get(column.name, blank)
        made[column.name] = given.where(given != "", column.default or "")
    return pd.DataFrame(made, index=cells.index)


def _sheets(study: Study, observed: Sheet) -> dict[str, Sheet]:
    areas, _ = load_sheet(study.file("areas"), "areas")
    if areas is None:
        raise StudyError(f"The areas of {study.path} cannot be read. Run `lsp-analysis check`.")
    return {"areas": areas, "observations": observed}


def _check(study: Study, observed: Sheet, indicators: pd.DataFrame) -> list[Problem]:
    sheets = _sheets(study, observed)
    described = Sheet("indicators", "indicators", indicators.astype("str"), indicators)
    found = check_keys({"observations": observed}) + check_areas(sheets)
    found += check_periods(sheets, pd.Timestamp.now(), gaps=False)
    found += check_values({"indicators": described, "observations": observed})
    return [problem for problem in found if problem.file == observed.file]


def _gaps(study: Study, observed: Sheet) -> tuple[Problem, ...]:
    sheets = _sheets(study, observed)
    found = check_periods(sheets, pd.Timestamp.now(), gaps=True)
    return tuple(problem for problem in found if problem.file == observed.file)


def _check_against(old: Sheet, new: Sheet, replace: bool) -> list[Problem]:
    """Rows the study has already, and periods of another length than it has."""
    problems = []
    if not replace:
        there = pd.MultiIndex.from_frame(old.typed[KEY].astype("str"))
        again = pd.MultiIndex.from_frame(new.typed[KEY].astype("str")).isin(there)
        said = "The study has this indicator, area and period already."
        remedy = "Leave the row out, or add with replace."
        problems += new.flag(pd.Series(again, index=new.typed.index), "area_code", said, remedy)
    lengths = {
        name: period_kinds(rows["period_start"], rows["period_end"])
        for name, rows in old.typed.groupby("indicator_id")
    }
    for name, rows in new.typed.groupby("indicator_id"):
        kinds = period_kinds(rows["period_start"], rows["period_end"])
        if name in lengths:
            other = ~kinds.isin(lengths[name].unique())
            said = f"The study has {name} in periods of another length."
            remedy = "Give the table another indicator_id."
            problems += new.flag(other[other].iloc[:1], "period_start", said, remedy)
    return problems


def _refusal(
    file: Path,
    problems: list[Problem],
    columns: Mapping[str, str],
    places: Mapping[int, tuple[int, str]],
) -> str:
    """All problems, in the words of the analyst's own columns."""
    lines = []
    for item in problems[:SHOWN_PROBLEMS]:
        ours = "period" if item.column in ("period_start", "period_end") else item.column
        theirs = columns.get(item.column) or columns.get(ours) or item.column
        row, heading = places.get(item.row, (item.row, theirs))
        if theirs not in columns.values() or theirs in ("Period", "Value"):
            theirs = heading
        moved = Problem(item.file, row, theirs, item.value, item.problem, item.remedy)
        lines.append(f"  {moved}")
    more = len(problems) - len(lines)
    if more:
        lines.append(f"  and {more} more.")
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return "\n".join([f"{file} was not added, for it has {count}; the study is unchanged.", *lines])


def _write(study: Study, old: Sheet, new: Sheet, indicators: pd.DataFrame) -> None:
    """Write the study again with the new rows; tables that did not change are copied."""
    given = new.text.loc[:, (new.text != "").any()]
    kept = old.text
    if not kept.empty:
        replaced = pd.MultiIndex.from_frame(old.typed[KEY].astype("str")).isin(
            pd.MultiIndex.from_frame(new.typed[KEY].astype("str"))
        )
        kept = kept[~replaced]
    merged = pd.concat([kept, given], ignore_index=True).fillna("")
    resources = []
    with whole_folder(study.path) as folder:
        for resource in study.descriptor["resources"]:
            table = resource["name"]
            if table == "observations":
                made = write_observations(folder, merged)
            elif table == "indicators":
                made = write_table(folder, table, indicators)
            else:
                shutil.copy2(study.file(table), folder / resource["path"])
                made = dict(resource)
            resources.append(made if "hash" in resource else forget_facts(made))
        write_descriptor(folder, {**study.descriptor, "resources": resources})


def write_observations(folder: Path, text: pd.DataFrame) -> dict[str, Any]:
    """Write observations kept as text, so that nothing an analyst wrote is read and rewritten."""
    names = schema.TABLES["observations"].names
    ordered = text[[*(n for n in names if n in text), *(n for n in text if n not in names)]]
    if len(ordered) > PARQUET_FROM_ROWS:
        return write_table(folder, "observations", ordered.replace("", None))
    path = folder / "observations.csv"
    ordered.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
    return schema.table_resource("observations", list(ordered), path.name, **file_facts(path))


def _record(study: Study, observed: Sheet, gaps: tuple[Problem, ...]) -> Added:
    row = observed.typed
    return Added(
        study=study.path,
        indicator_ids=tuple(row["indicator_id"].unique()),
        rows=len(row),
        areas=len(row["area_code"].drop_duplicates()),
        first=row["period_start"].min(),
        last=row["period_end"].max(),
        missing=int(row[["numerator", "value"]].isna().all(axis=1).sum()),
        gaps=gaps,
    )
