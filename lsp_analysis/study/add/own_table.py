"""Read a table somebody else made, CSV or workbook, whatever its columns are called."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study import periods as spans
from lsp_analysis.study.add import headings
from lsp_analysis.study.add.cells import each, numbers_in, plain_cells
from lsp_analysis.study.add.columns import EMBEDDED, Plan, plan_columns
from lsp_analysis.study.add.grids import AGAIN, Grid, open_grids
from lsp_analysis.study.add.headings import NUMBERS, Header
from lsp_analysis.study.add.layouts import Account, Answers, Layout, OwnTable
from lsp_analysis.study.add.places import Places, code_in, plain_name
from lsp_analysis.study.add.rows import listed, rows_of_areas

SAMPLE = 2_000
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
    if answers.sheet:
        listed = ", ".join(grid.sheet for grid in grids)
        grids = [grid for grid in grids if grid.sheet == answers.sheet]
        if not grids:
            raise SourceError(
                f'{file.name} has no sheet "{answers.sheet}"; it has {listed}. Name one.'
            )
    hidden = [] if answers.sheet else [grid.sheet for grid in grids if grid.hidden]
    if len(hidden) < len(grids):
        grids = [grid for grid in grids if grid.sheet not in hidden]
    else:
        hidden = []
    tables, seen = [], ""
    for grid in grids:
        head = grid.head()
        seen = seen or next((", ".join(filter(None, row)) for row in head if any(row)), "")
        header = _header(head, places) or _lost_header(grid, head, layouts)
        table = header and _read(grid, head, header, places, answers, layouts)
        if table:
            tables.append(table)
            if grid.merged:
                table.account.notes.append(f"{grid.merged} ranges of merged cells filled")
    if tables and hidden:
        tables[0].account.notes.append(f"left out hidden sheets: {', '.join(hidden)}")
    if not tables:
        if any(POSTCODE.fullmatch(cell) for row in grids[0].head(SAMPLE) for cell in row):
            raise SourceError(
                f"{file.name} has postcodes and no codes of areas. Add a column with the area of "
                "each, by a postcode directory (ONSPD), and headings, and count or average rows."
            )
        raise SourceError(
            f"{file.name} has no table with a column for the area's code, one for the period and "
            f"one for the numerator or value; its first row is: {seen[:120] or 'empty'}. "
            "Name the columns code, period, numerator, denominator."
        )
    return tables


def _header(head: Sequence[Sequence[str]], places: Places) -> Header | None:
    """The headings: above the first area by code or by name, or told by the usual spellings."""
    by_code = headings.find_header(head, lambda cell: bool(code_in(cell)) or cell in places.own)
    if by_code is not None:
        return by_code
    by_name = headings.header_of_names(head, lambda cell: plain_name(cell) in places.names)
    return by_name or headings.named_header(head)


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
            return Header(first, first, tuple(layout.order), ("",) * len(layout.order), title)
    if sum(bool(code_in(cell)) for cell in head[first]) > MOST_CODES:
        raise SourceError(
            f"{grid.place}, row {first + 1} has areas side by side, one a column. Turn the table, "
            "in a spreadsheet with Paste special and Transpose, so that each has a row."
        )
    raise SourceError(
        f"{grid.place} has no headings above its first area, in row {first + 1}: what its columns "
        "hold cannot be told. Add a row of headings there, or download the file again."
    )


def _read(
    grid: Grid,
    head: Sequence[Sequence[str]],
    header: Header,
    places: Places,
    answers: Answers,
    layouts: Sequence[Layout],
) -> OwnTable | None:
    """The table of one grid; None when it holds no numbers at all."""
    rows = head[header.data_row : header.data_row + SAMPLE]
    width = range(len(header.names))
    sample = [[row[at] if at < len(row) else "" for row in rows] for at in width]
    plan = plan_columns(grid, sample, header, places, answers, layouts)
    if not plan.measures:
        return None
    account = Account(grid.path.name, grid.sheet, _title(header), notes=plan.notes)
    kept, others = rows_of_areas(plan, places)
    if others:
        account.notes.append(f"left out rows of other areas ({listed(others)})")
    if kept.empty:
        account.problem = "none of its areas is one of the study's"
        if others:
            account.problem += f" ({listed(others)})"
        return OwnTable(pd.DataFrame(), account, layout=plan.layout)
    if plan.layout is not None:
        answers = replace(
            answers,
            period=answers.period or plan.layout.period,
            freq=answers.freq or plan.layout.freq,
        )
    frame = _long(plan, kept, answers, account)
    return plain_cells(plan, frame, account)


def _title(header: Header) -> str:
    """What the rows above the headings say is counted, else their first words."""
    for cell in header.title:
        if cell.startswith("Counting: "):
            return cell.removeprefix("Counting: ")
    named = [cell for cell in header.title if cell != "Stat-Xplore"]
    return named[0][:120] if named else ""


def _long(plan: Plan, kept: pd.DataFrame, answers: Answers, account: Account) -> pd.DataFrame:
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
    for at in _other_texts(plan):
        rows[f"text:{plan.name(at)}"] = cells[at]
    if plan.dates:
        rows = _with_periods(plan, rows, [cells[at] for at in plan.dates], answers)
    one = None if plan.dates or any(m.span for m in plan.measures) else _one_period(plan, answers)
    if one is not None:
        account.notes.append(one[1])
    if plan.measures[0].columns.keys() >= {"numerator", "denominator"}:
        _refuse_parts(plan, kept)
    parts, blank, undated = [], 0, []
    for measure in plan.measures:
        part = rows.assign(measure=measure.name)
        for role, at in measure.columns.items():
            part[role] = cells[at[0]] if len(at) == 1 else _sum(cells[one] for one in at)
        told = measure.columns.get("value") or next(iter(measure.columns.values()))
        part["heading"] = plan.name(told[0])
        span = measure.span or (one[0] if one else None)
        if span is not None:
            part = part.assign(period_start=str(span.start), period_end=str(span.end))
        elif not plan.dates:
            undated += [plan.name(at) for ats in measure.columns.values() for at in ats]
            continue
        if len(plan.measures) > 1:
            numbers = [role for role in measure.columns if role in NUMBERS]
            written = (part[numbers] != "").any(axis=1)
            blank += int((~written).sum())
            part = part[written]
        parts.append(part)
    made = pd.concat(parts, ignore_index=True)
    if undated:
        account.notes.append(
            "columns not read, for others name a period in their heading and they do not: "
            + ", ".join(f'"{name}"' for name in undated)
        )
    if blank:
        account.notes.append(f"{blank:,} blank cells")
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
    middle = share.quantile([0.25, 0.5, 0.75])
    known = len(plan.measures) == 1  # a publisher's table, whose answers are all of them
    alike = middle.iloc[2] - middle.iloc[0] < MUCH_ALIKE * middle.iloc[1]
    if alike and (known or abs(middle.iloc[1] - 1) < MUCH_ALIKE / 10):
        wrong |= (share < middle.iloc[1] / 2) & (known | answers.notna().all(axis=1))
    if known:
        wrong |= total.isna()
    if wrong.any():
        raise SourceError(
            f"{plan.grid.place}, row {wrong.idxmax()}: the answers and their total "
            f'"{plan.name(whole)}" do not fit one another, so the row is damaged. {AGAIN}'
        )


def _sum(columns: Iterable[pd.Series]) -> pd.Series:
    """Columns added up, as text; what is no number makes the sum none."""
    total = sum(map(numbers_in, columns))
    return total.map(lambda number: "" if pd.isna(number) else f"{number:.10g}")


def _other_texts(plan: Plan) -> list[int]:
    """Columns of text that may tell rows of one area and period apart."""
    used = {*plan.codes, *plan.roles.values(), *plan.dates, *plan.units, *plan.measured}
    others = [at for at in range(len(plan.header.names)) if at not in used and plan.name(at)]
    return [at for at in others if not headings.is_numeric(plan.sample[at])]


def _with_periods(
    plan: Plan, rows: pd.DataFrame, texts: Sequence[pd.Series], answers: Answers
) -> pd.DataFrame:
    """First and last day of each row's period; a text that names none stays as it is written."""
    heading = " ".join(plan.header.names[at] for at in plan.dates)
    told, kinds = texts[0], pd.Series("", index=rows.index)
    if plan.dates == [plan.roles.get("period_start"), plan.roles.get("period_end")]:
        return rows.assign(period_start=texts[0], period_end=texts[1])
    if len(texts) == 2 and plan.dates[1] == plan.roles.get("period_kind"):
        kinds = each(texts[1], spans.year_kind)
        both = list(zip(*texts, strict=True))
        pairs = {pair: spans.within_year(*pair, plan.grid.place) for pair in dict.fromkeys(both)}
        told = pd.Series([pairs[pair] for pair in both], index=rows.index, dtype="str")
    elif len(texts) == 2:
        heading, part = (plan.header.names[at] for at in plan.dates)
        told = each(texts[1], lambda text: spans.part_of_year(text, part)) + " " + texts[0]
    made = rows.assign(period_start=told, period_end=told)
    for kind, own in told.groupby(kinds):
        found = spans.spans_of(
            own.unique(), heading, freq=answers.freq, kind=str(kind), place=plan.grid.place
        )
        for end in ("start", "end"):
            days = {text: str(getattr(span, end)) for text, span in found.items() if span}
            told_days = each(own, lambda text, days=days: days.get(text, text))
            made.loc[own.index, f"period_{end}"] = told_days
    return made


def _one_period(plan: Plan, answers: Answers) -> tuple[spans.Span, str]:
    """The period of a whole table, as answered or as its title, sheet or file names it."""
    place = plan.grid.place
    if answers.period:
        made = spans.spans_of([answers.period], freq=answers.freq, place=place)
        span = made.get(answers.period)
        if span is None:
            raise SourceError(
                f'"{answers.period}" is neither a column of {place} nor a period. Write --period '
                "2019, 2019/20, 2019-04 or 2019-Q2."
            )
        return span, f"period {answers.period} as answered"
    titles = [cell for cell in plan.header.title if not MADE_ON.search(cell)]
    where = {"title": " ".join(titles), "sheet's name": plan.grid.sheet}
    where |= {"file's name": plan.grid.path.stem, "folder's name": plan.grid.path.parent.name}
    for source, text in where.items():
        named = {match[0] for match in EMBEDDED.finditer(text.replace("_", " "))}
        found = {span for one in named if (span := spans.read_span(one)) is not None}
        if len(found) == 1:
            span = found.pop()
            return span, f"period {span.start} to {span.end}, from the {source}"
    near = next((n for n in plan.header.names if "timeperiod" in headings.fold(n)), "2019")
    raise SourceError(
        f"{place} does not say which period it is of, nor does its name. Say so: lsp-analysis add "
        f'STUDY {plan.grid.path.name} --period "{near}" (a year such as 2019 or 2019/20, or a '
        "column)."
    )
