"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings

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


def imported(factory, borough: str, only: list[str] | None = None, **more) -> Path:
    """Folder of the study of a borough imported from real files, once for all workers.

    `only` has patterns of files to import, where not all are wanted.
    """
    from filelock import FileLock

    from lsp_analysis.sources.importer import import_study

    source, root = shared_path("real"), factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    out = root / "real" / borough
    out.parent.mkdir(exist_ok=True)
    with FileLock(root / f"{borough}.lock"):
        if not out.exists():
            for pattern in only or []:
                for file in source.glob(pattern):
                    copy = root / "files" / borough / file.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, copy)
            source = root / "files" / borough if only else source
            import_study(source, borough=borough, out=out, **more)
    return out


def cut_to_few(study: Path) -> Path:
    """The same study with the indicators of `REAL_INDICATORS` only, once for all workers."""
    from filelock import FileLock

    out = study.with_name(f"{study.name}-few")
    with FileLock(study.with_name(f"{study.name}-few.lock")):
        return out if out.exists() else cut_down(study, out, REAL_INDICATORS)


# No deadline: an example takes as long as a busy machine lets it.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("whole", deadline=None, max_examples=120)


def pytest_configure(config):
    """Fewer made-up examples in the quick tests."""
    settings.load_profile("quick" if config.option.markexpr == "not slow" else "whole")


REAL_STUDIES = {"real_bolton", "real_small", "real_bury"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What needs the real files imported, half a minute's work, is slow."""
    for item in items:
        if REAL_STUDIES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def brief():
    """The brief of Hall i' th' Wood in the demonstration, worked out once for all modules."""
    from lsp_analysis import area_brief, open_study

    return area_brief(open_study(ROOT / "data" / "bolton_demo"), "Hall i' th' Wood")


@pytest.fixture(scope="session")
def one_parent():
    """A warm parent process that makes the reports of many tests, instead of one started for each.

    That every batch starts and ends its own is what tests of faults, interrupts and commands see.
    """
    from lsp_analysis.reports.fork.forked import WarmParent, can_fork

    if not can_fork():
        yield None
        return
    templates = (ROOT / "notebooks" / "reports").glob("*.ipynb")
    parent = WarmParent(map(str, sorted(templates)))
    yield parent
    parent.close()


@contextmanager
def forked_by(parent):
    """Batches and notebooks are made by forks of this parent: quicker, and the same."""
    from lsp_analysis.reports.fork.forked import make_with
    from lsp_analysis.reports.run import papermill_engine, runner

    with pytest.MonkeyPatch.context() as patch:
        if parent is not None:
            make = partial(make_with, parent)
            patch.setattr(runner, "make_forked", make)
            patch.setattr(papermill_engine, "_warm_parent", lambda: parent)
        yield


def run_notebook(path: Path, folder: Path, parameters: dict | None = None):
    """The notebook as it ran in `folder`, in a fork where there can be one."""
    import papermill

    from lsp_analysis.reports.fork.forked import can_fork

    return papermill.execute_notebook(
        str(path), str(folder / path.name), parameters, cwd=str(folder), kernel_name="python3",
        engine_name="lsp-fork" if can_fork() else "nbclient",
        progress_bar=False, start_timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def kept_parent(one_parent):
    """What the tests of a module make is made by forks of one parent."""
    with forked_by(one_parent):
        yield


@pytest.fixture(scope="session")
def real_bolton(tmp_path_factory) -> Path:
    """Bolton imported from publishers' real files."""
    places = ROOT / "data" / "neighbourhoods" / "bolton.csv"
    return imported(tmp_path_factory, "E08000001", neighbourhoods=places)


@pytest.fixture(scope="session")
def real_small(real_bolton) -> Path:
    """The same with few indicators, for what is slow with hundreds."""
    return cut_to_few(real_bolton)


# Of the real files those of the few indicators, in which the Indices are of 2015 only.
FEW_FILES = ["census/*.csv", "fuel-poverty/*", "lookups/*", "panel-lsoa-claimants/*"]
FEW_FILES += ["population/*", "deprivation/imd2015_england_lsoa11_gm.csv"]


@pytest.fixture(scope="session")
def real_bury(tmp_path_factory) -> Path:
    """Another borough, of few indicators and without Indices older than its programme."""
    return imported(tmp_path_factory, "E08000002", only=FEW_FILES)


def cut_down(folder: Path, out: Path, indicators: list[str]) -> Path:
    """A study with some of its indicators only."""
    shutil.copytree(folder, out)
    for name in ("indicators", "observations"):
        table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        kept = table[table["indicator_id"].isin(indicators)]
        kept.to_csv(out / f"{name}.csv", index=False)
    package = json.loads((out / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        resource.pop("hash", None)
        resource.pop("bytes", None)
    (out / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    return out


@pytest.fixture
def shared():
    """`shared("gold")` is the path of that folder of reference material."""
    return shared_path
