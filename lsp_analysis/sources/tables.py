"""Tables of any publisher, or of nobody known, through the one reader of tables."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.deprivation import NO_MEASURES, read_domains
from lsp_analysis.sources.formats import Found, layouts, refuse_gaps
from lsp_analysis.sources.register import Register
from lsp_analysis.study import schema
from lsp_analysis.study.add.layouts import Layout, OwnTable
from lsp_analysis.study.add.own_table import read_own_tables
from lsp_analysis.study.add.places import Places
from lsp_analysis.study.add.taking import KEY, take_table
from lsp_analysis.study.check.series import skips
from lsp_analysis.study.indicator import period_kinds

UNKNOWN = "publisher not known"
NUMBERS = ["numerator", "denominator", "value"]
PLAIN_SHEET = re.compile(r"(?:sheet|data|mid)?[ -]?\d*", re.IGNORECASE)
# Words in the name of a file that do not say what is counted.
NO_NAME = re.compile(
    r"[lm]?soas?|oas?|wards?|lads?|[lu]tlas?|la|gm|eng|england|nomis|nm|csv|sheet|tables?"
    r"|data|datasets?|by|of|for|in|and|the|final|clean(?:ed)?|all|combined",
    re.IGNORECASE,
)


def read_tables(
    paths: Sequence[Path], places: Places, register: Register
) -> list[tuple[Path, OwnTable]]:
    """The tables about areas of the study in files of no format of their own."""
    known = [layout for layout in layouts() if not layout.kind]
    read = []
    for path in paths:
        with register.guard(path.name):
            for table in read_own_tables(path, places, layouts=known):
                if table.account.problem:
                    register.spare[table.account.place] = table.account.problem
                else:
                    read.append((path, table))
    return read


def import_tables(
    read: Sequence[tuple[Path, OwnTable]],
    domains: Sequence[Found],
    codes: Mapping[int, Sequence[str]],
    places: Places,
    register: Register,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `indicators` and `observations` of all tables that are of no format of their own.

    Parameters
    ----------
    read : from `read_tables`.
    domains, codes : tables of the Indices of Deprivation, for their domains, and small areas by
        year of their codes.
    places : areas of the study.
    register : gets an account of each table, and the reason for each file that cannot be read.
    """
    every = list(read)
    for found in domains:
        with register.guard(found.place):
            table = read_domains(found, codes)
            if not table.account.problem:
                every.append((found.grid.path, table))
            elif table.account.problem == NO_MEASURES:
                register.note(f"{found.place}: {NO_MEASURES}.")
    known, observed = (
        pd.DataFrame(columns=schema.TABLES[name].names) for name in ("indicators", "observations")
    )

    def standing(one: tuple[Path, OwnTable]) -> tuple[bool, bool, str]:
        """The publishers' own tables first, then in order of name."""
        layout = one[1].layout
        return layout is None, layout is not None and not layout.native, one[1].account.place

    for path, table in sorted(every, key=standing):
        with register.guard(table.account.place):
            known, observed = _take(path, table, places, known, observed, register)
    return known, _with_gaps(observed, places)


def _with_gaps(observed: pd.DataFrame, places: Places) -> pd.DataFrame:
    """A row that says "not available" for each period an area lacks and others of its kind have,
    and for each that a publisher left out between two of its own."""
    everybody = observed[(observed[["sex", "age", "group"]] == schema.ALL).all(axis=1)]
    level = everybody["area_code"].map(places.level)
    said = dict.fromkeys(["sex", "age", "group"], schema.ALL) | {"note": "not available"}
    parts = [observed]
    for (name, _), rows in everybody.groupby(["indicator_id", level]):
        periods = _without_skips(rows[["period_start", "period_end"]].drop_duplicates())
        whole = rows[["area_code"]].drop_duplicates().merge(periods, how="cross")
        if len(rows) < len(whole):
            lacking = whole.merge(rows, how="left", indicator=True)
            lacking = lacking.loc[lacking["_merge"] == "left_only", list(whole)]
            parts.append(lacking.assign(indicator_id=name, **said))
    return pd.concat(parts, ignore_index=True)


def _without_skips(periods: pd.DataFrame) -> pd.DataFrame:
    """Periods with those between them, where most follow one another and are of one length."""
    kinds = period_kinds(periods["period_start"], periods["period_end"]).unique()
    if len(kinds) != 1 or not kinds[0]:
        return periods
    seen = pd.PeriodIndex(pd.to_datetime(periods["period_start"]), freq=kinds[0]).sort_values()
    if not skips(seen):
        return periods
    left_out = pd.period_range(seen[0], seen[-1], freq=seen.freq).difference(seen)
    days = {"period_start": left_out.start_time, "period_end": left_out.end_time.normalize()}
    return pd.concat([periods, pd.DataFrame(days).astype(periods.dtypes)], ignore_index=True)


def _take(
    path: Path,
    table: OwnTable,
    places: Places,
    known: pd.DataFrame,
    observed: pd.DataFrame,
    register: Register,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables with one more taken in; SourceError where it is unsound or contradicts another."""
    account, layout = table.account, table.layout
    if layout is not None and layout.complete:
        _refuse_gaps(table, places)
    given = {} if layout else {"source": UNKNOWN, "licence": ""}
    name = account.title or _name_of(path.name.split(".")[0], account.sheet)
    taken = take_table(table, places, known, name=name, facts=given, ask=False)
    if taken.problems:
        more = len(taken.problems) - 1
        first = table.in_its_words(taken.problems[0])
        raise SourceError(f"{first} There are {more} more problems." if more else str(first))
    rows = taken.observed.typed
    new = rows if observed.empty else _new_rows(observed, rows, account.place)
    if new.empty:
        register.spare[account.place] = "it says the same as another file"
        return known, observed
    account.rows = len(rows)
    register.accounts.append(account)
    title = layout.title if layout else (account.title or path.stem)
    known_as = layout or Layout(title, UNKNOWN, licence="")
    register.use_file(path, title if layout else f"{title} ({path.name})", known_as)
    return taken.indicators, pd.concat([observed, new], ignore_index=True)


def _refuse_gaps(table: OwnTable, places: Places) -> None:
    """Stop when a table that has all small areas has some but not all: it was cut or trimmed."""
    have = set(table.cells["area_code"])
    if not have & (places.small | frozenset().union(*places.by_vintage.values())):
        return
    vintage = places.vintage_of(sorted(have), table.account.place)
    every = places.small if vintage == places.vintage else places.by_vintage[vintage]
    levels = {places.level(code) for code in have}
    wanted = [code for code in every if places.level(code) in levels]
    named = f"{table.account.place} ({table.account.title or table.layout.title})"
    why = ", or its codes are of another year and the lookup is not in the folder"
    refuse_gaps(have, wanted, named, why=why)


def _name_of(stem: str, sheet: str) -> str:
    """What the names of a file and its sheet say is counted."""
    words = [word for word in re.split(r"[\W\d_]+", stem) if word]
    said = [at for at, word in enumerate(words) if not NO_NAME.fullmatch(word)]
    name = " ".join(words[said[0] : said[-1] + 1]) if said else stem.replace("_", " ")
    name += "" if PLAIN_SHEET.fullmatch(sheet) else f" {sheet}"
    return name[:1].upper() + name[1:]


def _new_rows(old: pd.DataFrame, new: pd.DataFrame, place: str) -> pd.DataFrame:
    """Rows of `new` that are not in `old`; SourceError where the numbers of others differ."""
    there, mine = (
        one.set_index(KEY)[NUMBERS].apply(pd.to_numeric, errors="coerce") for one in (old, new)
    )
    both = mine.index.isin(there.index)
    own = mine[both]
    first = there[~there.index.duplicated()].reindex(own.index)
    unlike = ((first - own).abs() > 1e-9).any(axis=1) | (first.isna() != own.isna()).any(axis=1)
    if unlike.any():
        raise SourceError(
            f"{place} and another file are of the same indicator, areas and periods but differ in "
            f"{unlike.sum()} numbers, first of {own.index[unlike][0][1]}. Keep only the right one."
        )
    return new[~both]
