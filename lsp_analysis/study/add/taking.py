"""A table that was read, as rows of a study: codes carried over, indicators named, all checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study import schema
from lsp_analysis.study.add.cells import each
from lsp_analysis.study.add.facts import facts_of, refuse_damage, without_worked_out
from lsp_analysis.study.add.headings import number_in, unit_in
from lsp_analysis.study.add.layouts import Account, OwnTable
from lsp_analysis.study.add.places import Places, carry_over
from lsp_analysis.study.areas import fold_name, slug
from lsp_analysis.study.check.problems import Problem, Sheet
from lsp_analysis.study.check.rows import check_rows
from lsp_analysis.study.check.series import check_periods
from lsp_analysis.study.check.text import judge_sheet
from lsp_analysis.study.panel import months_to

KEY = list(schema.TABLES["observations"].key)
SHOWN = 3
FAR = 10  # times the next largest number, from which one is told as far out
FEWEST = 8  # numbers that say what is usual


@dataclass(frozen=True)
class Taken:
    """A table ready for a study.

    Attributes
    ----------
    observed : its rows of `observations`, as text and in the schema's types.
    indicators : the study's indicators with the new ones.
    problems, gaps : what forbids to take it in, and what only has to be told.
    """

    observed: Sheet
    indicators: pd.DataFrame
    problems: list[Problem]
    gaps: list[Problem]


def take_table(
    table: OwnTable,
    places: Places,
    known: pd.DataFrame,
    *,
    name: str,
    indicator_id: str = "",
    facts: Mapping[str, Any],
    ask: bool,
) -> Taken:
    """The rows of `table` in the study's codes, with their indicators, checked as the study is.

    Parameters
    ----------
    table : from `read_own_tables`; its account is completed.
    places : areas of the study.
    known : the study's table `indicators`.
    name, indicator_id : of the indicator, where the table names none.
    facts : columns of `indicators` for new ones.
    ask : whether a unit that cannot be told is asked for.
    """
    table.cells = table.cells.assign(origin=table.cells.index)
    cells = _added_up(table) if table.layout and table.layout.add_up else table.cells
    if table.layout and table.layout.answers:
        cells = _over_all_answers(cells, table)
    refuse_damage(cells, table)
    if table.layout and table.layout.readings > 1:
        cells = _averaged(cells, table.layout.readings, table.account)
    cells = _one_year_end(cells, table.account)
    told = each(cells["unit"], unit_in) if "unit" in cells else ""
    headed = each(cells["heading"], unit_in) if "heading" in cells else ""
    cells = cells.assign(is_count=(told == "count") | ((told == "") & (headed == "count")))
    cells = carry_over(cells, places, table.account).drop(columns="is_count")
    table.places = table.places.reindex(cells.pop("origin")).set_axis(cells.index)
    cells, indicators = _with_indicators(cells, table, known, name, indicator_id, facts, ask)
    observed, problems = judge_sheet("observations", table.account.file, _in_schema(cells), [])
    _complete(table.account, observed, indicators, places)
    sheets = {"areas": _areas_sheet(places), "observations": observed}
    described = Sheet("indicators", "indicators", indicators.astype("str"), indicators)
    found = check_rows(sheets | {"indicators": described}, pd.Timestamp.now(), gaps=False)
    problems += [problem for problem in found if problem.file == observed.file]
    gaps = check_periods(observed, sheets["areas"]) if ask else []
    told = [gap for gap in gaps if gap not in problems]
    return Taken(observed, indicators, problems, told)


def _one_year_end(cells: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Years that roll on by quarters or months, cut down to those that end as the latest does."""
    start = pd.to_datetime(cells["period_start"], format="%Y-%m-%d", errors="coerce")
    end = pd.to_datetime(cells["period_end"], format="%Y-%m-%d", errors="coerce")
    months = months_to(start, end)
    last = end.groupby(cells["indicator_name"]).transform("max").dt.month
    between = (months == 12) & (end.dt.month != last)
    if between.any():
        account.notes.append(
            f"left out {between.sum():,} rows of rolling years that overlap those ending with the "
            "latest"
        )
    return cells[~between]


def _added_up(table: OwnTable) -> pd.DataFrame:
    """One row for each area, period and group of a table with several, their counts added up."""
    cells = table.cells
    counts = [name for name in ("numerator", "denominator") if name in cells]
    key = ["area_code", "period_start", "period_end", "indicator_name"]
    key += [name for name in ("sex", "age", "group") if name in cells]
    numbers = cells[counts].apply(pd.to_numeric, errors="coerce")
    grouped = cells.assign(**numbers).groupby(key, sort=False)
    made = grouped.first()
    sums = grouped[counts].sum(min_count=1)
    for name in counts:
        made[name] = sums[name].map(lambda number: "" if pd.isna(number) else f"{number:.10g}")
    table.account.notes.append(f"{len(cells):,} rows added up to {len(made):,}")
    return made.reset_index()[list(cells)]


def _over_all_answers(cells: pd.DataFrame, table: OwnTable) -> pd.DataFrame:
    """Each answer of a question as an indicator, over all of an area's answers that apply."""
    applies = cells["indicator_name"].str.casefold() != "does not apply"
    if not applies.all():
        table.account.notes.append(f"left out {(~applies).sum():,} rows that do not apply")
    kept = cells[applies]
    key = ["area_code", "period_start", *(n for n in ("sex", "age", "group") if n in kept)]
    numbers = pd.to_numeric(kept["numerator"], errors="coerce")
    total = numbers.groupby([kept[name] for name in key]).transform("sum")
    question = table.names["indicator_name"].rpartition(" (")[0]
    return kept.assign(
        indicator_name=question + ": " + kept["indicator_name"],
        denominator=total.map("{:.10g}".format),
        indicator_id="",
    )


def _averaged(cells: pd.DataFrame, readings: int, account: Account) -> pd.DataFrame:
    """Numerators that are the sum of several counts of the same people, as their average."""
    account.notes.append(f"the average of {readings} counts is kept in place of their sum")
    numbers = pd.to_numeric(cells["numerator"], errors="coerce") / readings
    kept = cells["numerator"].where(numbers.isna(), numbers.map("{:.15g}".format))
    return cells.assign(numerator=kept)


def _areas_sheet(places: Places) -> Sheet:
    names = [name for name in schema.TABLES["areas"].names if name in places.areas]
    typed = places.areas[names].reset_index(drop=True)
    for column in schema.TABLES["areas"].columns:
        if column.name not in typed:
            typed[column.name] = column.default if column.default is not None else ""
    return Sheet("areas", "areas", typed.astype("str"), typed)


def _with_indicators(
    cells: pd.DataFrame,
    table: OwnTable,
    known: pd.DataFrame,
    name: str,
    indicator_id: str,
    facts: Mapping[str, Any],
    ask: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells with the id of each row's own indicator, and the study's indicators with the new."""
    ids = dict(zip(known["name"].map(fold_name), known["indicator_id"], strict=True))
    ids |= {fold_name(one): one for one in known["indicator_id"]}
    given = {**(table.layout.indicator if table.layout else {}), **facts}
    indicator_id = indicator_id or str(given.pop("indicator_id", ""))
    named = cells["indicator_name"]
    if indicator_id and named.nunique() < 2:
        named = pd.Series(str(given.get("name") or indicator_id), index=cells.index, dtype="str")
        ids[fold_name(named.iloc[0])] = indicator_id
    named = named.mask(named == "", indicator_id or name)
    own_ids = dict(zip(named, cells["indicator_id"], strict=True))
    new, parts = [], []
    listed = dict(zip(known["indicator_id"], known.to_dict("records"), strict=True))
    for one, rows in cells.groupby(named, sort=False):
        if number_in(str(one)) and (named != one).any():
            raise SourceError(
                f'{table.account.place} has an indicator that is called "{one}": the cells of a '
                "row stand in the wrong columns. Correct it, or download the file again."
            )
        made = ids.get(fold_name(one)) or own_ids[one]
        made = made or indicator_id or slug(one, fallback="indicator").replace("-", "_")
        ids[fold_name(one)] = made
        if made not in listed:
            described = facts_of(
                rows, str(one), table.account.place, given, percent=table.percent, ask=ask
            )
            listed[made] = {"indicator_id": made} | described
            new.append(listed[made])
        part = without_worked_out(rows, listed[made]).assign(indicator_id=made)
        parts.append(part[part.columns.intersection(schema.TABLES["observations"].names)])
    cells = pd.concat(parts).sort_index().fillna("")
    if not new:
        return cells, known
    return cells, pd.concat([known, pd.DataFrame(new)], ignore_index=True)


def _in_schema(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells in the columns of `observations` that they or a rule fill, defaults filled in."""
    made = {}
    for column in schema.TABLES["observations"].columns:
        if column.name not in cells and not column.required and not column.default:
            continue
        blank = pd.Series(column.default or "", index=cells.index, dtype="str")
        given = cells.get(column.name, blank).astype("str")
        made[column.name] = given.where(given != "", column.default) if column.default else given
    return pd.DataFrame(made, index=cells.index)


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
    for name in names:
        for indicator_id, own in groups:
            numbers = own[name].dropna()
            if len(numbers) < FEWEST:
                continue
            large, small, usual = numbers.nlargest(2), numbers.nsmallest(2), numbers.median()
            low, far = small.iloc[0], ""
            if 0 < max(FAR * large.iloc[-1], 2 * FAR * usual) < large.iloc[0]:
                odd, far = large, f"more than {FAR} times any other"
            elif low < 0 <= small.iloc[-1] or (low == 0 < usual < FAR * small.iloc[-1]):
                odd, far = small, "zero or below, and no other is near it"
            if far:
                area = rows.loc[odd.index[0], "area_code"]
                told.append(
                    f"look at the {name} of {indicator_id} in {area}, {odd.iloc[0]:,.10g}: it is "
                    f"{far}"
                )
    over = rows["denominator"].notna().groupby(rows["indicator_id"]).transform("mean") > 0.5
    counted = rows["numerator"].notna() | rows["value"].notna()
    without = over & counted & rows["denominator"].isna()
    if without.any():
        first = rows.loc[without.idxmax(), "area_code"]
        told.append(f"{without.sum():,} rows have no denominator: first {first}")
    return told


def _complete(account: Account, observed: Sheet, indicators: pd.DataFrame, places: Places) -> None:
    """Put rows, levels, periods and kinds into the account."""
    rows = observed.typed
    levels = rows["area_code"].dropna().drop_duplicates().map(places.level)
    small = levels.isin(["lsoa", "oa"])
    counts = levels.value_counts()
    account.level = ", ".join(f"{count} {level or 'other'}" for level, count in counts.items())
    if small.any() and len(places.small) > small.sum():
        account.notes.append(f"{small.sum()} of the {len(places.small)} small areas have rows")
    for kind, word in (("msoa", "MSOAs"), ("ward", "wards")):
        known = places.areas.loc[places.areas["area_type"] == kind, "area_code"].nunique()
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
