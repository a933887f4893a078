"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# A shell that runs the suite in the background has it ignore Ctrl+C, and every command it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def optional(module: str):
    """The module of an optional dependency: there in CI, elsewhere a reason to skip."""
    if os.environ.get("CI") == "true":
        return importlib.import_module(module)
    return pytest.importorskip(module, reason=f"needs {module.partition('.')[0]}")


def shared_path(name: str) -> Path:
    """Folder of reference material beside the checkout: needed in CI, skipped without elsewhere."""
    path = SHARED / name
    if not path.exists():
        reason = f"the reference material {name!r} is not beside this checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run this test, but {reason}")
        pytest.skip(reason)
    return path


# Of the hundreds of indicators in the real files those of every kind with counts of their own.
REAL_INDICATORS = [
    "claimants",
    "bad_health",
    "disabled_people",
    "unpaid_care",
    "households_with_disabled_people",
    "no_central_heating",
    "fuel_poverty",
    "burglary",
]


@pytest.fixture(scope="session")
def real_bolton(tmp_path_factory) -> Path:
    """Folder of the study imported from publishers' real files, once for all workers."""
    from filelock import FileLock

    from lsp_analysis.sources.importer import import_study

    source, root = shared_path("real"), tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    out = root / "real" / "bolton"
    out.parent.mkdir(exist_ok=True)
    with FileLock(root / "real.lock"):
        if not out.exists():
            places = ROOT / "data" / "neighbourhoods" / "bolton.csv"
            import_study(source, borough="E08000001", neighbourhoods=places, out=out)
    return out


@pytest.fixture
def shared():
    """`shared("gold")` is the path of that folder of reference material."""
    return shared_path
