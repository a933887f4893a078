"""Every notebook and template runs with its own defaults on a study that nobody prepared for it."""

import pytest
from conftest import ROOT, run_notebook

from lsp_analysis.cli import main

BOOKS = {
    path.stem: path
    for folder in ("notebooks", "notebooks/reports")
    for path in sorted((ROOT / folder).glob("*.ipynb"))
}
QUICK = {"02_area_profile", "04_trends", "06_pilot_effect", "report_area"}
pytestmark = pytest.mark.usefixtures("kept_parent")
EFFECTS = {"06_pilot_effect", "07_experiment_design", "08_experiment_analysis"}


@pytest.fixture(scope="module")
def new_study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "our_study"
    assert main(["new", str(folder)]) == 0
    return folder


def run(name, study, tmp_path, **parameters):
    found = run_notebook(BOOKS[name], tmp_path, {"study": str(study), **parameters})
    said = [out for cell in found.cells for out in cell.get("outputs", [])]
    assert said
    assert not [out for out in said if out["output_type"] == "error"]


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in sorted(BOOKS)],
)
def test_it_runs_on_a_study_just_begun(name, new_study, tmp_path):
    run(name, new_study, tmp_path)


@pytest.mark.parametrize("name", sorted(n for n in set(BOOKS) - EFFECTS if n[0].isdigit()))
def test_it_runs_on_the_imported_study(name, real_small, tmp_path):
    run(name, real_small, tmp_path)


@pytest.mark.parametrize("name", sorted(n for n in BOOKS if n.startswith("report_")))
def test_a_template_runs_on_another_borough_without_a_plan_or_old_indices(
    name, real_bury, tmp_path
):
    run(name, real_bury, tmp_path)
