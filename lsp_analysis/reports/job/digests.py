"""Fingerprints of all a report depends on, so that what is up to date is not made again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import lsp_analysis
from lsp_analysis.errors import StudyError
from lsp_analysis.resources import resource
from lsp_analysis.study.store import Study

PACKAGE = Path(lsp_analysis.__file__).parent


def study_digest(study: Study) -> str:
    """Fingerprint of the descriptor of `study` and of every file it lists.

    Raises
    ------
    StudyError
        A file it lists is missing or cannot be read.
    """
    try:
        return _of_files(study_files(study), study.path.resolve())
    except OSError as error:
        raise StudyError(
            f"{error.filename} cannot be read ({error.strerror}), though the study lists it. "
            "Restore it from a copy, or write the study again."
        ) from error


def study_files(study: Study) -> list[Path]:
    """The descriptor of `study` and every file it lists."""
    files = [study.path / "datapackage.json"]
    files += [study.file(item["name"]) for item in study.descriptor["resources"]]
    return list(dict.fromkeys(files))


def states_of(files: Iterable[Path]) -> dict[str, list[int]]:
    """Size and time of change of each file by its path; nothing for one that is not there."""
    states = {}
    for path in files:
        with contextlib.suppress(OSError):
            about = path.stat()
            states[str(path.absolute())] = [about.st_size, about.st_mtime_ns]
    return states


@cache
def code_digest() -> str:
    """Fingerprint of this package's code and page template."""
    shown = resource("reports/template")
    files = sorted(PACKAGE.glob("**/*.py")), sorted(p for p in shown.rglob("*") if p.is_file())
    return digest_of([_of_files(files[0], PACKAGE), _of_files(files[1], shown)])


@cache
def environment_digest() -> str:
    """Fingerprint of the Python version and of every installed package's version."""
    installed = {path.name for entry in sys.path for path in Path(entry or ".").glob("*.dist-info")}
    return digest_of([platform.python_version(), sys.platform, *sorted(installed)])


def digest_of(value: Any) -> str:
    """Fingerprint of a plain value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _of_files(files: Any, base: Path) -> str:
    whole = hashlib.sha256()
    for path in files:
        name = path.resolve()
        place = name.relative_to(base).as_posix() if name.is_relative_to(base) else name.name
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{place}\0{content}\n".encode())
    return whole.hexdigest()
