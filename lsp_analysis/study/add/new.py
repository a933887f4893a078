"""Start a study: every table with example rows, and a README that explains each column."""

import io
from importlib import resources
from pathlib import Path

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import StudyError
from lsp_analysis.study import schema
from lsp_analysis.study.add.adding import Added, add_table
from lsp_analysis.study.write import write_study

__all__ = ["Added", "add_table", "new_study"]

README = "README.md"


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
        {table: example(table) for table in schema.TABLES},
        about={"name": name, "title": title, "lsp:simulated": False},
        extra_files={README: readme(title)},
        record_hashes=False,
    )


def example(table: str) -> pd.DataFrame:
    """Example rows of one table; the place is invented, and so are the numbers."""
    text = (resources.files("lsp_analysis.study") / "example" / f"{table}.csv").read_text("utf-8")
    columns = schema.TABLES[table].columns
    texts = {column.name: "str" for column in columns if column.type == "string"}
    return pd.read_csv(io.StringIO(text), dtype=texts)


def readme(title: str) -> str:
    """What each table and column of a study is for, as Markdown, from the schema."""
    lines = [
        f"# {title}",
        "",
        "The rows in these tables are examples of an invented place. Replace them with your own,",
        "then run `lsp-analysis check` on this folder: it lists everything that is wrong, with the",
        "file, the row, the column and what to do.",
        "",
        "- Save tables as CSV UTF-8. Keep codes and periods in columns formatted as text.",
        "- A missing number is a blank cell, and `note` says why: suppressed, not available ...",
        "- Only areas, indicators and observations are required. To leave another table out,",
        "  delete its file and its entry in `datapackage.json`.",
        "- Boundaries go into `geometry.geojson` (area_code and polygons, EPSG:27700), with an",
        '  entry `{"name": "geometry", "path": "geometry.geojson"}` in `datapackage.json`.',
        "- `lsp-analysis add` takes a table of your own (code, period, numerator, denominator) in.",
    ]
    for table in schema.TABLES.values():
        lines += ["", f"## {table.name}", "", f"{table.about[0].upper()}{table.about[1:]}.", ""]
        lines += ["| column | holds | must be there |", "|---|---|---|"]
        lines += [_describe(column) for column in table.columns]
        lines += ["", f"One row for each {' + '.join(table.key)}."]
    return "\n".join([*lines, ""])


def _describe(column: schema.Column) -> str:
    words = column.allowed or column.suggested
    about = f"{column.about}: {', '.join(words)}" if words else column.about
    must = "yes" if column.needed else "no"
    return f"| {column.name} | {about} ({column.type}) | {must} |"
