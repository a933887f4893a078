"""Bring rows and hashes in the register ``data/README.md`` up to date.

What a file is, where it comes from and under which licence is for people to write; a file without
a line of its own stops the run.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
REGISTER = HERE / "README.md"
NOT_DATA = {".py", ".pyc", ".md", ""}


def main() -> None:
    """Rewrite the last two columns of every line that names a file."""
    lines = REGISTER.read_text(encoding="utf-8").splitlines()
    listed = [file_of(line) for line in lines if file_of(line)]
    if sorted(listed) != data_files():
        raise SystemExit(
            f"Files without a line in {REGISTER.name}: {sorted(set(data_files()) - set(listed))}; "
            f"lines without a file: {sorted(set(listed) - set(data_files()))}. Correct the table."
        )
    text = "\n".join(brought_up_to_date(line) if file_of(line) else line for line in lines)
    REGISTER.write_text(text + "\n", encoding="utf-8", newline="\n")


def data_files() -> list[str]:
    """Every file of data below this folder, as paths with forward slashes, sorted."""
    found = (path for path in HERE.rglob("*") if path.is_file())
    kept = (path for path in found if path.suffix not in NOT_DATA and path.name[0] != ".")
    return sorted(path.relative_to(HERE).as_posix() for path in kept)


def file_of(line: str) -> str:
    """The file a line of the register is about; empty when it is about none."""
    return line.split("`")[1] if line.startswith("| `") else ""


def brought_up_to_date(line: str) -> str:
    """The line with the rows and hash its file has now."""
    path = HERE / file_of(line)
    kept = line.strip().strip("|").split("|")[:-2]
    return "|" + "|".join([*kept, f" {rows_of(path)} ", f" `{sha256_of(path)}` "]) + "|"


def sha256_of(path: Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(path: Path) -> str:
    """Records of a table or shapes of a map; a dash for anything else."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return f"{sum(1 for _ in csv.reader(file)) - 1:,}"
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_metadata

        return f"{read_metadata(path).num_rows:,}"
    if path.suffix == ".geojson":
        return f"{len(json.loads(path.read_text(encoding='utf-8'))['features']):,}"
    return "–"


if __name__ == "__main__":
    main()
