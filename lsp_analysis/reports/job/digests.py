"""Fingerprints of all a report depends on, so that what is up to date is not made again."""

import contextlib
import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lsp_analysis
from lsp_analysis.errors import StudyError
from lsp_analysis.resources import resource
from lsp_analysis.study.store import Study

PACKAGE = Path(lsp_analysis.__file__).parent
NAMED = ("numpy", "pandas", "scipy", "statsmodels", "geopandas", "pyarrow", "matplotlib")


def study_digests(study: Study) -> dict[str, str]:
    """SHA-256 of the descriptor of `study` and of every file it lists, by path.

    Raises
    ------
    StudyError
        A file it lists is missing or cannot be read.
    """
    try:
        return {str(path): _of_file(path) for path in study_files(study)}
    except OSError as error:
        raise StudyError(
            f"{error.filename} cannot be read ({error.strerror}), though the study lists it. "
            "Restore it from a copy, or write the study again."
        ) from error


def whole_digest(files: Mapping[str, str], base: Path) -> str:
    """One fingerprint of files by their places in the folder `base`, wherever that is."""
    return digest_of(
        sorted((Path(path).relative_to(base).as_posix(), files[path]) for path in files)
    )


def study_files(study: Study) -> list[Path]:
    """The descriptor of `study` and every file it lists."""
    files = [study.path / "datapackage.json"]
    files += [file for item in study.descriptor["resources"] for file in study.files(item["name"])]
    return list(dict.fromkeys(files))


def states_of(files: Iterable[Path]) -> dict[str, list[int]]:
    """What changes whenever a file does, by its path; nothing for one that is not there.

    Size and time can be restored after a change; the time of that (ctime) cannot.
    """
    states = {}
    for path in files:
        with contextlib.suppress(OSError):
            about = path.stat()
            states[str(path.absolute())] = [
                *(about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)
            ]
    return states


@cache
def made_with() -> dict[str, str]:
    """Versions of Python, this package and its main libraries, and fingerprints of all of them."""
    found = {"python": platform.python_version(), "lsp_analysis": lsp_analysis.__version__}
    for name in NAMED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {**found, "code": _code_digest(), "environment": _environment_digest()}


def other_versions(asked: Mapping[str, str]) -> str:
    """How this process differs from `made_with` of the one that asked; empty when it does not."""
    ours = made_with()
    names = [name for name in {**asked, **ours} if asked.get(name) != ours.get(name)]
    named = [name for name in names if name not in ("code", "environment")]
    if named:
        return ", ".join(f"{n} {ours.get(n, 'none')} for {asked.get(n, 'none')}" for n in named)
    if "code" in names:
        return "other code of lsp_analysis under the same version"
    return "other versions of further packages" if names else ""


def _code_digest() -> str:
    """Fingerprint of this package's code and page template."""
    shown = resource("reports/template")
    files = sorted(PACKAGE.glob("**/*.py")) + sorted(p for p in shown.rglob("*") if p.is_file())
    return digest_of([[path.name, _of_file(path)] for path in files])


def _environment_digest() -> str:
    """Fingerprint of the Python version and of every installed package's version."""
    installed = {
        path.name for entry in sys.path if entry for path in Path(entry).glob("*.dist-info")
    }
    return digest_of([platform.python_version(), sys.platform, *sorted(installed)])


def digest_of(value: Any) -> str:
    """Fingerprint of a plain value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
