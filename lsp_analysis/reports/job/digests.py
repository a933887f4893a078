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
        return {str(path): digest_of_file(path) for path in study_files(study)}
    except OSError as error:
        raise StudyError(
            f"{error.filename} cannot be read ({error.strerror}), though the study lists it. "
            "Restore it from a copy, or write the study again."
        ) from error


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
            now = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
            states[str(path.absolute())] = now
    return states


@cache
def made_with() -> dict[str, str]:
    """Versions of Python, this package and its main libraries; ``code`` is a fingerprint of this
    package's code and page template, ``environment`` one of all packages' versions."""
    found = {"python": platform.python_version(), "lsp_analysis": lsp_analysis.__version__}
    for name in NAMED:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    shown = resource("reports/template")
    files = sorted(PACKAGE.glob("**/*.py")) + sorted(p for p in shown.rglob("*") if p.is_file())
    found["code"] = digest_of([[path.name, digest_of_file(path)] for path in files])
    packages = {
        path.name for entry in sys.path if entry for path in Path(entry).glob("*.dist-info")
    }
    environment = [platform.python_version(), sys.platform, *sorted(packages)]
    return {**found, "environment": digest_of(environment)}


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


def digest_of(value: Any) -> str:
    """Fingerprint of a plain value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of_file(path: str | Path) -> str:
    """SHA-256 of the content of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
