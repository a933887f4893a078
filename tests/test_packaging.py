"""Dependencies are declared once and agree everywhere; the wheel carries what a reader needs."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONDA_NAMES = {}  # name on conda-forge: name on PyPI, where they differ
ASKED_FOR = ["jupyterlab", "pandas", "statsmodels", "geopandas", "matplotlib", "papermill", "nbval"]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pinned}


def requirements(*groups):
    declared = [Requirement(text) for group in groups for text in group]
    return {canonicalize_name(requirement.name): requirement for requirement in declared}


def conda_requirements():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    named = [Requirement(text) for text in listed if isinstance(text, str)]
    return {canonicalize_name(CONDA_NAMES.get(r.name, r.name)): r for r in named}


def needed_by(name):
    """Names that the installed distribution `name` requires on this machine, extras aside."""
    try:
        needed = [Requirement(text) for text in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:  # an extra this environment does without
        return set()
    return {
        canonicalize_name(requirement.name)
        for requirement in needed
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }


def test_every_declared_dependency_is_pinned_to_a_version_it_allows(project, pins):
    extras = project["optional-dependencies"].values()
    for name, requirement in requirements(project["dependencies"], *extras).items():
        assert pins[name] in requirement.specifier, name


def test_the_conda_environment_repeats_the_requirements_of_the_package_and_its_tests(project):
    wanted = requirements(project["dependencies"], project["optional-dependencies"]["test"])
    given = conda_requirements()
    assert given.pop("python").specifier == Requirement("p" + project["requires-python"]).specifier
    given.pop("pip")
    assert {n: r.specifier for n, r in given.items()} == {n: r.specifier for n, r in wanted.items()}


def test_the_conda_environment_holds_what_analysts_were_promised():
    assert set(ASKED_FOR) <= set(conda_requirements())


def test_the_constraints_are_exact_sorted_and_name_no_place():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in pinned)
    names = [canonicalize_name(line.split("==")[0]) for line in pinned]
    assert names == sorted(set(names))


def test_whatever_an_installation_brings_along_is_pinned_too(project, pins):
    extras = project["optional-dependencies"].values()
    seen, waiting = set(), set(requirements(project["dependencies"], *extras))
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= needed_by(name) - seen
    assert seen <= set(pins), f"install, freeze and add: {sorted(seen - set(pins))}"


def test_the_citation_carries_the_version_of_the_package():
    import lsp_analysis

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == lsp_analysis.__version__
    assert f"## {lsp_analysis.__version__}" in (ROOT / "CHANGELOG.md").read_text()


# ------------------------------------------------------------------ the wheel and the sdist


def build(kind, source, out):
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=source, check=True, capture_output=True, text=True)
    return out / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder of an installation from a wheel, itself built from the sdist."""
    work = tmp_path_factory.mktemp("packaging")
    with tarfile.open(build("sdist", ROOT, work)) as archive:
        archive.extractall(work, filter="data")
    unpacked = next(path for path in work.iterdir() if path.is_dir())
    with zipfile.ZipFile(build("wheel", unpacked, work)) as wheel:
        wheel.extractall(work / "site")
    return work / "site"


def run_installed(installed, folder, *arguments):
    call = "import sys; from lsp_analysis.cli import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", call, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


WRITTEN = {"rendered", "experiment_demo", ".ipynb_checkpoints"}  # by notebooks and reports


@pytest.mark.slow
def test_the_wheel_carries_notebooks_page_template_and_sample_study(installed):
    shipped = installed / "lsp_analysis" / "_shipped"
    for folder in ["notebooks", "reports", "data/bolton_demo", "data/neighbourhoods"]:
        in_repository = {
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not WRITTEN.intersection(path.parts)
        }
        assert in_repository
        assert in_repository <= {p.relative_to(shipped) for p in shipped.rglob("*")}
    assert not list(shipped.rglob("rendered"))


@pytest.mark.slow
def test_the_installed_command_checks_the_sample_study_from_any_folder(installed, tmp_path):
    helped = run_installed(installed, tmp_path, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    checked = run_installed(installed, tmp_path, "check", "bolton_demo")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
