"""Publishers' files: found in a folder, told by their headings, and read.

A table is recognised by the headings of its columns, not by its file name: files are renamed,
trimmed to a region, moved into folders. Only what no heading tells (the year of a yearly file) is
looked for in the names of the sheet, the file and its folders. The headings of each publisher stand
in a file of the folder `publishers`.
"""

import re
import shutil
import tomllib
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath

import pandas as pd

from lsp_analysis import untrusted
from lsp_analysis.errors import SourceError
from lsp_analysis.study.add.grids import AGAIN, DAMAGED, LARGEST_UNPACKED, WORKBOOK_SUFFIXES, Grid
from lsp_analysis.study.add.headings import MARKS, numbers_in
from lsp_analysis.study.add.layouts import Layout, fold_heading
from lsp_analysis.study.add.rows import is_remark, read_rows
from lsp_analysis.study.schema import UNIT_MULTIPLIER

TEXT_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
BOUNDARY_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")
BESIDE_SHAPES = (".shx", ".dbf", ".prj", ".cpg")
DATA_SUFFIXES = TEXT_SUFFIXES + WORKBOOK_SUFFIXES + BOUNDARY_SUFFIXES
SEARCHED = 20  # rows in which headings are looked for
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
MID_YEAR = re.compile(r"mid[- ]?((?:19|20)\d\d)", re.IGNORECASE)
SHORT_YEAR = re.compile(r"(?:pop[a-z]*|mid)[-_ ]?(\d\d)(?!\d)", re.IGNORECASE)
MISSING = MARKS | {"na"}
SHOWN = 5  # codes in a message
LICENCE = "Open Government Licence v3.0"


def find_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files below `folder` with one of `suffixes`, in order; hidden and lock files left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(suffixes)
        and not path.name.startswith("~$")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def unpack(archive: Path, out: Path) -> list[Path]:
    """The data files of a zip archive, unpacked into a folder of its own below `out`.

    Raises
    ------
    SourceError
        The archive is damaged, needs a password, holds no data, or unpacks to more than 4 GB.
    """
    target = out / archive.stem
    made = []
    try:
        with zipfile.ZipFile(archive) as packed:
            names = {item: item.filename.lower() for item in packed.infolist()}
            wanted = [
                item
                for item, name in names.items()
                if name.endswith(DATA_SUFFIXES + BESIDE_SHAPES) and "__macosx" not in name
            ]
            size = sum(item.file_size for item in wanted)
            if size > LARGEST_UNPACKED:
                raise SourceError(
                    f"{archive.name} unpacks to more than 4 GB. Unpack what you need."
                )
            untrusted.refuse_bomb(archive, size)
            target.mkdir(parents=True, exist_ok=True)
            for item in wanted:
                made.append(target / PurePosixPath(item.filename.replace("\\", "/")).name)
                with packed.open(item) as source, made[-1].open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (*DAMAGED, OSError, RuntimeError, NotImplementedError) as error:
        raise SourceError(f"{archive.name} cannot be unpacked ({error}). {AGAIN}") from error
    if not made:
        raise SourceError(f"{archive.name} holds no table and no boundaries.")
    return [path for path in made if path.name.lower().endswith(DATA_SUFFIXES)]


@cache
def layouts() -> tuple[Layout, ...]:
    """Every publisher's tables, as the files of the folder `publishers` describe them.

    A file has the fields of `Layout`, or such fields for all of its tables and a ``[[table]]`` for
    each.
    """
    folder = resources.files("lsp_analysis.sources") / "publishers"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(one for file in files for one in read_layouts(file.read_text("utf-8")))


def read_layouts(text: str) -> list[Layout]:
    """The tables that one file describes."""
    shared = tomllib.loads(text)
    made = []
    for table in shared.pop("table", [{}]):
        facts = shared | table
        about = shared.get("indicator", {}) | table.get("indicator", {})
        about.setdefault("source", f"{facts['title']} ({facts['publisher']})")
        about.setdefault("multiplier", UNIT_MULTIPLIER.get(about.get("unit", ""), 1.0))
        about.setdefault("polarity", "none")
        made.append(Layout(**facts | {"indicator": {"licence": LICENCE, **about}}))
    return made


@dataclass(frozen=True)
class Found:
    """A publisher's table in a file: a CSV file, or one sheet of a workbook."""

    layout: Layout
    grid: Grid
    heading_row: int  # counted from 1
    headings: tuple[str, ...]  # folded: one case, single spaces
    columns: Mapping[str, int]  # by role
    year: int = 0

    @property
    def place(self) -> str:
        """The file, and the sheet if it is one of a workbook, as an error names them."""
        return self.grid.place

    @property
    def title(self) -> str:
        """Title of the publication with its edition or year."""
        return self.layout.title.format(year=self.year)

    @property
    def named(self) -> str:
        """Both, as an error about the whole table names it."""
        return f"{self.place} ({self.title})"

    def rows(
        self,
        codes: Collection[str] | None = None,
        role: str = "area_code",
        *,
        distinct: bool = False,
        whole: bool = False,
    ) -> pd.DataFrame:
        """Rows as text, one column per role, and ``row``, its number in the file.

        Parameters
        ----------
        codes : keep only the rows with one of these codes; all rows when None.
        role : the column the codes are in.
        distinct : keep a row only the first time its cells are seen, as of a long directory.
        whole : whether the table must have all of the codes if it has any.

        Raises
        ------
        SourceError
            A row has fewer cells than there are headings, or none is wanted and the last is not
            ended: the file was cut. Or codes are lacking.
        """
        at, needed, width = self.columns[role], max(self.columns.values()), len(self.headings)
        wanted = None if codes is None else frozenset(codes)

        def code_of(_: int, row: list[str]) -> str:
            if len(row) <= needed and is_remark(row):
                return ""
            code = (row[at].strip() if at < len(row) else "") or "?"
            return code if wanted is None or at >= len(row) or code in wanted else ""

        made, last = read_rows(
            self.grid, self.heading_row, width, self.columns, code_of, distinct=distinct
        )
        short = wanted is None and 0 < len(last) < width and not is_remark(last)
        if (short or (wanted and made.empty)) and not self.grid.ended:
            lacks = "" if wanted is None else "has none of the rows wanted and "
            raise SourceError(f"{self.place} {lacks}breaks off in its last row: it is cut. {AGAIN}")
        if whole and wanted and not made.empty:
            refuse_gaps(made[role], wanted, self.named)
        return made.drop(columns="code").rename_axis("row").reset_index()

    def numbers(self, rows: pd.DataFrame, role: str) -> pd.Series:
        """A column of `rows` as numbers; marks for missing are missing.

        Raises
        ------
        SourceError
            A cell is neither a number nor a mark for missing; the message has its row and text.
        """
        made = numbers_in(rows[role])
        wrong = made.isna() & ~rows[role].str.casefold().isin(MISSING)
        heading = self.headings[self.columns[role]]
        said = ': "{cell}" is not a number (column "{heading}"). '
        said += "Correct the cell, or download the file again."
        bad = rows[wrong].rename(columns={role: "cell"}).assign(heading=heading)
        refuse_rows(bad, self.place, said)
        return made

    def refuse_repeats(self, rows: pd.DataFrame) -> None:
        """Stop when two rows are of the same area."""
        repeated = rows[rows.duplicated("area_code")]
        if not repeated.empty:
            first = repeated.iloc[0]
            raise SourceError(
                f"{self.place} has {first['area_code']} more than once, again in row "
                f"{first['row']}, and {len(repeated)} repeated rows in all. Delete the repeats, "
                "or download the file again."
            )


def refuse_rows(wrong: pd.DataFrame, place: str, said: str, line: str = "row") -> None:
    """Stop at the first of these rows with a sentence that has its columns in braces."""
    for row in wrong.head(1).to_dict("records"):
        raise SourceError(f"{place}, {line} {row['row']}" + said.format(**row))


def refuse_gaps(
    present: Iterable[str], wanted: Collection[str], place: str, what: str = "row", why: str = ""
) -> None:
    """Stop when a table has some but not all of a borough's areas: it was cut or trimmed."""
    missing = sorted(set(wanted) - set(present))
    if missing:
        more = " ..." if len(missing) > SHOWN else ""
        raise SourceError(
            f"{place} has no {what} for {len(missing)} of the borough's {len(wanted)} areas: "
            f"{', '.join(missing[:SHOWN])}{more}. The file is cut or trimmed{why}. {AGAIN}"
        )


def recognise(grid: Grid, folders: tuple[str, ...], known: Iterable[Layout]) -> Found | None:
    """The first layout that one of the first rows of a grid is the headings of, or None."""
    known = [one for one in known if not set(one.not_in_sheet) & {*grid.sheet.casefold().split()}]
    for number, headings, above in heading_rows(grid):
        for layout in known:
            columns = layout.columns(headings)
            if columns is not None:
                names = (grid.sheet, above, grid.path.name, *folders)
                year = _year(layout, headings, names, grid.place)
                if year is not None:
                    at = {role: places[0] for role, places in columns.items()}
                    return Found(layout, grid, number, headings, at, year)
    return None


def heading_rows(grid: Grid) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Number and folded cells of each row that may be headings, and the text above it."""
    rows = grid.head(SEARCHED)
    for number, row in enumerate(rows, start=1):
        if sum(map(bool, row)) > 1:
            above = " ".join(cell for earlier in rows[: number - 1] for cell in earlier)
            yield number, tuple(map(fold_heading, row)), above


def _year(layout: Layout, headings: Iterable[str], names: Iterable[str], place: str) -> int | None:
    """The year or edition of a table, 0 if it has none; None if its headings are of no edition."""
    found = (re.fullmatch(one, h) for one in layout.headings.values() for h in headings)
    told = next((m["year"] for m in found if m and "year" in m.groupdict()), "")
    by_heading = layout.years.get(told)
    if layout.year_named:
        return year_of(names, place, layout.editions or layout.years.values(), by_heading)
    if told and not layout.years:
        return 2000 + int(told)
    return by_heading if told else layout.year


def year_of(
    names: Iterable[str], place: str, allowed: Iterable[int] = (), otherwise: int | None = None
) -> int:
    """The year a yearly table is of, as the first of `names` that has one and only one says.

    Raises
    ------
    SourceError
        No name does, and there is no year to take `otherwise`.
    """
    for text in names:
        years = {int(year) for year in MID_YEAR.findall(text)}
        if not years:
            years = {int(year) for year in YEAR.findall(text)}
            years |= {2000 + int(year) for year in SHORT_YEAR.findall(text)}
        years &= set(allowed) or years
        if len(years) == 1:
            return years.pop()
    if otherwise is not None:
        return otherwise
    raise SourceError(
        f"{place} does not say which year it is of, nor does the name of the file. "
        "Put the year, and no other, in the file's name, for example claimants-2013.csv."
    )
