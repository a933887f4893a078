"""Read a table somebody else made, CSV or workbook, whatever its columns are called."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study import periods as spans
from lsp_analysis.study.add import headings
from lsp_analysis.study.add.cells import plain_cells
from lsp_analysis.study.add.columns import EMBEDDED, SAMPLE, Plan, plan_columns
from lsp_analysis.study.add.grids import AGAIN, Grid, open_grids
from lsp_analysis.study.add.headings import NUMBERS, Header, each, numbers_in, written
from lsp_analysis.study.add.layouts import Account, Answers, Layout, OwnTable
from lsp_analysis.study.add.places import Places, code_in
from lsp_analysis.study.add.rows import listed, rows_of_areas

MUCH_ALIKE = 0.1  # of the median, between the quartiles of sums over totals
PERTURBED = 10  # by which a count may exceed its total, to protect people
MOST_CODES = 4  # of one area in a row, as of its MSOA, ward and borough
POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}")
TEXTS = ("indicator_id", "indicator_name", "sex", "age", "group", "note")
NO_ANSWERS = Answers()
# Sentences above a table whose date is that of the file and not of what it counts.
MADE_ON = re.compile(
    r"\b(?:released?|published|publication|produced|updated|created|extracted|downloaded|printed"
    r"|copyright|from nomis on)\b",
    re.IGNORECASE,
)


def read_own_tables(
    file: Path,
    places: Places,
    answers: Answers = NO_ANSWERS,
    layouts: Sequence[Layout] = (),
) -> list[OwnTable]:
    """The tables in `file` about areas of a study, as text in the columns of `observations`.

    Titles above and remarks below a table are passed over, and so are hidden sheets and rows of
    other boroughs, which the account counts. Thousands separators are dropped. A publisher's mark
    for a missing number becomes a blank, its meaning the note. One column for each period, or for
    each measure, becomes one row for each.

    Parameters
    ----------
    file : CSV (comma, semicolon, tab or bar; UTF-8, UTF-16 or Windows-1252) or workbook.
    places : areas of the study.
    answers : what cannot be told from the file.
    layouts : publishers' tables to tell by their headings first.

    Raises
    ------
    SourceError
        The file cannot be read, or what is what cannot be told: the message says what to add.
    """
    grids = open_grids(file)
    named = [grid for grid in grids if grid.sheet == answers.sheet]
    if answers.sheet and not named:
        sheets = ", ".join(grid.sheet for grid in grids)
        raise SourceError(f'{file.name} has no sheet "{answers.sheet}"; it has {sheets}. Name one.')
    shown = named if answers.sheet else [grid for grid in grids if not grid.hidden] or grids
    tables = []
    for grid in shown:
        head = grid.head()
        header = headings.find_header(head, places) or _lost_header(grid, head, layouts)
        plan = header and plan_columns(grid, head, header, places, answers, layouts)
        if plan and plan.measures:
            tables.append(_read(plan))
            if grid.merged:
                plan.notes.append(f"{grid.merged} ranges of merged cells filled")
    hidden = [] if answers.sheet else [grid.sheet for grid in grids if grid not in shown]
    if tables and hidden:
        tables[0].account.notes.append(f"left out hidden sheets: {', '.join(hidden)}")
    if tables:
        return tables
    rows = [row for grid in shown for row in grid.head(SAMPLE)]
    if any(POSTCODE.fullmatch(cell) for row in rows for cell in row):
        raise SourceError(
            f"{file.name} has postcodes and no codes of areas. Add a column with the area of "
            "each, by a postcode directory (ONSPD), and headings, and count or average rows."
        )
    first = next((", ".join(filter(None, row)) for row in rows if any(row)), "empty")
    raise SourceError(
        f"{file.name} has no table with a column for the area's code, one for the period and "
        f"one for the numerator or value; its first row is: {first[:120]}. "
        "Name the columns code, period, numerator, denominator."
    )


def _lost_header(
    grid: Grid, head: Sequence[Sequence[str]], layouts: Sequence[Layout]
) -> Header | None:
    """The headings of a publisher's table that lost them, told by its title; None of no table.

    Raises
    ------
    SourceError
        Areas stand under no headings, and no title tells which table it is.
    """
    first = next((at for at, row in enumerate(head) if any(map(code_in, row))), None)
    if first is None:
        return None
    title = tuple(cell for row in head[:first] for cell in row if cell)
    for layout in layouts:
        told = any(layout.title_mark in cell for cell in title)
        if layout.order and told and len(layout.order) == len(head[first]):
            return Header(first, tuple(layout.order), ("",) * len(layout.order), title)
    if sum(bool(code_in(cell)) for cell in head[first]) > MOST_CODES:
        raise SourceError(
            f"{grid.place}, row {first + 1} has areas side by side, one a column. Turn the table, "
            "in a spreadsheet with Paste special and Transpose, so that each has a row."
        )
    raise SourceError(
        f"{grid.place} has no headings above its first area, in row {first + 1}: what its columns "
        "hold cannot be told. Add a row of headings there, or download the file again."
    )


def _read(plan: Plan) -> OwnTable:
    """The table of one grid, whose columns are known."""
    titles = [cell for cell in plan.header.title if cell != "Stat-Xplore"]
    titles.sort(key=lambda cell: not cell.startswith("Counting: "))
    title = next(iter(titles), "").removeprefix("Counting: ")[:120]
    account = Account(plan.grid.path.name, plan.grid.sheet, title, notes=plan.notes)
    kept, others = rows_of_areas(plan)
    outside = f" ({listed(others)})" if others else ""
    if outside:
        plan.notes.append(f"left out rows of other areas{outside}")
    if kept.empty:
        account.problem = f"none of its areas is one of the study's{outside}"
        return OwnTable(pd.DataFrame(), account, layout=plan.layout)
    return plain_cells(plan, _long(plan, kept), account)


def _long(plan: Plan, kept: pd.DataFrame) -> pd.DataFrame:
    """One row for each area, period and measure, all as text."""
    cells = kept.reset_index(drop=True)
    rows = pd.DataFrame({"row": kept.index, "area_code": cells.pop("code")})
    for role in TEXTS:
        if role in plan.roles:
            rows[role] = cells[plan.roles[role]]
    rows["raw"] = pd.util.hash_pandas_object(cells, index=False)
    rows["unit"] = ""
    for at in plan.units:
        rows["unit"] += " " + cells[at]
    used = {*plan.codes, *plan.roles.values(), *plan.dates, *plan.units, *plan.measured}
    for at, sample in enumerate(plan.sample):  # texts that may tell rows of one area apart
        if at not in used and plan.name(at) and not headings.is_numeric(sample):
            rows[f"text:{plan.name(at)}"] = cells[at]
    if plan.dates:
        rows = _with_periods(plan, rows, [cells[at] for at in plan.dates])
    dated = plan.dates or any(measure.span for measure in plan.measures)
    one = None if dated else _one_period(plan)
    if plan.measures[0].columns.keys() >= {"numerator", "denominator"}:
        _refuse_parts(plan, kept)
    parts, blank, undated = [], 0, []
    for measure in plan.measures:
        told = measure.columns.get("value") or next(iter(measure.columns.values()))
        part = rows.assign(measure=measure.name, heading=plan.name(told[0]))
        for role, at in measure.columns.items():
            part[role] = cells[at[0]]
            if len(at) > 1:
                part[role] = written(cells[list(at)].apply(numbers_in).sum(axis=1, skipna=False))
        span = measure.span or one
        if span is not None:
            part = part.assign(period_start=str(span.start), period_end=str(span.end))
        elif not plan.dates:
            undated += [f'"{plan.name(at)}"' for ats in measure.columns.values() for at in ats]
            continue
        if len(plan.measures) > 1:
            given = (part[[role for role in measure.columns if role in NUMBERS]] != "").any(axis=1)
            blank += int((~given).sum())
            part = part[given]
        parts.append(part)
    if undated:
        plan.notes.append(
            "columns not read, for others name a period in their heading and they do not: "
            + ", ".join(undated)
        )
    if blank:
        plan.notes.append(f"{blank:,} blank cells")
    made = pd.concat(parts, ignore_index=True)
    return made.fillna(dict.fromkeys(made.columns.drop("row"), ""))


def _answers(plan: Plan, whole: int) -> list[int]:
    """The columns that together make up that of totals; none where that cannot be told."""
    if len(plan.measures) > 1:
        alike = len({(one.span, one.columns.get("denominator")) for one in plan.measures}) == 1
        return [one.columns["numerator"][0] for one in plan.measures] if alike else []
    if plan.layout is None or not plan.layout.parts:
        return []
    family = plan.name(whole).partition(":")[0]
    family = "" if family.casefold().startswith("all ") else family
    return [
        at
        for at, cells in enumerate(plan.sample)
        if at not in (whole, *plan.dates) and plan.name(at).startswith(family)
        and headings.is_numeric(cells) and not spans.may_be_period(cells[0])
    ]  # fmt: skip


def _refuse_parts(plan: Plan, kept: pd.DataFrame) -> None:
    """Stop where answers of a table are below zero, above its total, or do not make up the total.

    Some tables have sub-totals among their answers: the sum of most rows says what it should come
    to, unless rows differ, as where answers were left out. Counts of the Census of 2021 are off by
    a few on purpose.
    """
    whole = plan.measures[0].columns["denominator"][0]
    others = _answers(plan, whole)
    if not others:
        return
    answers, total = kept[others].apply(numbers_in), numbers_in(kept[whole])
    share = answers.sum(axis=1) / total
    wrong = answers.lt(0).any(axis=1) | answers.gt(total + PERTURBED, axis=0).any(axis=1)
    low, middle, high = share.quantile([0.25, 0.5, 0.75])
    known = len(plan.measures) == 1  # a publisher's table, whose answers are all of them
    if high - low < MUCH_ALIKE * middle and (known or abs(middle - 1) < MUCH_ALIKE / 10):
        wrong |= (share < middle / 2) & (known | answers.notna().all(axis=1))
    if known:
        wrong |= total.isna()
    if wrong.any():
        raise SourceError(
            f"{plan.grid.place}, row {wrong.idxmax()}: the answers and their total "
            f'"{plan.name(whole)}" do not fit one another, so the row is damaged. {AGAIN}'
        )


def _with_periods(plan: Plan, rows: pd.DataFrame, texts: Sequence[pd.Series]) -> pd.DataFrame:
    """First and last day of each row's period; a text that names none stays as it is written."""
    place, roles = plan.grid.place, plan.roles
    heading = " ".join(plan.header.names[at] for at in plan.dates)
    told, kinds = texts[0], pd.Series("", index=rows.index)
    if plan.dates == [roles.get("period_start"), roles.get("period_end")]:
        return rows.assign(period_start=texts[0], period_end=texts[1])
    if len(texts) == 2 and plan.dates[1] == roles.get("period_kind"):
        kinds = each(texts[1], spans.year_kind)
        pairs = pd.Series(list(zip(*texts, strict=True)), index=rows.index)
        told = each(pairs, lambda pair: spans.within_year(*pair, place))
    elif len(texts) == 2:
        heading, part = (plan.header.names[at] for at in plan.dates)
        told = each(texts[1], lambda text: spans.part_of_year(text, part)) + " " + texts[0]
    made = rows.assign(period_start=told, period_end=told)
    for kind, own in told.groupby(kinds):
        found = spans.spans_of(
            own.unique(), heading, freq=plan.answers.freq, kind=str(kind), place=place
        )
        for end in ("start", "end"):
            days = {text: str(getattr(span, end)) for text, span in found.items() if span}
            told_days = each(own, lambda text, days=days: days.get(text, text))
            made.loc[own.index, f"period_{end}"] = told_days
    return made


def _one_period(plan: Plan) -> spans.Span:
    """The period of a whole table, as answered or as its title, sheet or file names it."""
    place, answer = plan.grid.place, plan.answers.period
    if answer:
        span = spans.spans_of([answer], freq=plan.answers.freq, place=place).get(answer)
        if span is None:
            raise SourceError(
                f'"{answer}" is neither a column of {place} nor a period. Write --period '
                "2019, 2019/20, 2019-04 or 2019-Q2."
            )
        plan.notes.append(f"period {answer} as answered")
        return span
    titles = [cell for cell in plan.header.title if not MADE_ON.search(cell)]
    where = {"title": " ".join(titles), "sheet's name": plan.grid.sheet}
    where |= {"file's name": plan.grid.path.stem, "folder's name": plan.grid.path.parent.name}
    for source, text in where.items():
        named = {spans.read_span(match[0]) for match in EMBEDDED.finditer(text.replace("_", " "))}
        named.discard(None)
        if len(named) == 1:
            span = named.pop()
            plan.notes.append(f"period {span.start} to {span.end}, from the {source}")
            return span
    near = next((n for n in plan.header.names if "timeperiod" in headings.fold(n)), "2019")
    raise SourceError(
        f"{place} does not say which period it is of, nor does its name. Say so: lsp-analysis add "
        f'STUDY {plan.grid.path.name} --period "{near}" (a year such as 2019 or 2019/20, or a '
        "column)."
    )
