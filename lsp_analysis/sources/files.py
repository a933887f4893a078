"""The files of a folder, archives unpacked."""

import hashlib
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from lsp_analysis import untrusted
from lsp_analysis.errors import SourceError
from lsp_analysis.study.add.grids import AGAIN, DAMAGED, LARGEST_UNPACKED, WORKBOOK_SUFFIXES

TEXT_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
BOUNDARY_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")
BESIDE_SHAPES = (".shx", ".dbf", ".prj", ".cpg")
DATA_SUFFIXES = TEXT_SUFFIXES + WORKBOOK_SUFFIXES + BOUNDARY_SUFFIXES
PIECE = 1 << 20


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
            wanted = [
                item
                for item in packed.infolist()
                if item.filename.lower().endswith(DATA_SUFFIXES + BESIDE_SHAPES)
                and "__macosx" not in item.filename.lower()
            ]
            if sum(item.file_size for item in wanted) > LARGEST_UNPACKED:
                raise SourceError(
                    f"{archive.name} unpacks to more than 4 GB. Unpack what you need."
                )
            untrusted.refuse_bomb(archive, sum(item.file_size for item in wanted))
            for item in wanted:
                path = target / PurePosixPath(item.filename.replace("\\", "/")).name
                path.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(item) as source, path.open("wb") as file:
                    shutil.copyfileobj(source, file, PIECE)
                made.append(path)
    except (*DAMAGED, OSError, RuntimeError, NotImplementedError) as error:
        raise SourceError(f"{archive.name} cannot be unpacked ({error}). {AGAIN}") from error
    if not made:
        raise SourceError(f"{archive.name} holds no table and no boundaries.")
    return [path for path in made if path.name.lower().endswith(DATA_SUFFIXES)]


def sha256(path: Path) -> str:
    """SHA-256 of the file as it lies on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
