"""A new user's experiment of two rounds, by commands alone; then the notebooks read it."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, run_notebook

from lsp_analysis import open_study
from lsp_analysis.cli import main
from lsp_analysis.experiments.record.chain import read_register
from lsp_analysis.experiments.record.verification import verify

pytestmark = pytest.mark.usefixtures("kept_parent")

NOTEBOOKS = ROOT / "notebooks"
PILOT = "Hall i' th' Wood"


def units_of(study, seed):
    """Twenty-four areas of the study, with the rate of the year before."""
    panel = study.panel("antisocial_behaviour")
    panel = panel[~panel["area_code"].isin(study.area(PILOT).members)]
    last = panel[panel["period"] > panel["period"].max() - 12].groupby("area_code")
    table = pd.DataFrame({"residents": last["denominator"].mean().round()})
    table["rate_before"] = (1000 * last["numerator"].sum() / table["residents"]).round(2)
    chosen = table.sample(24, random_state=seed).rename_axis("unit").reset_index()
    return chosen.assign(district=np.where(np.arange(24) < 12, "north", "south"))


def run(*words):
    assert main(["design", *map(str, words)]) == 0, words


def a_round(folder, study, seed, effect=-25.0):
    """Units, registration, draw, outcomes, analysis and decision, as a user would do them."""
    units = units_of(study, seed)
    units.to_csv(folder / "units.csv", index=False)
    run("register", folder)
    run("draw", folder, "--text", f"What the police lead said, {seed}")
    arm = pd.read_csv(folder / "allocation.csv").set_index("unit")["arm"]
    rng = np.random.default_rng(seed)
    rate = units["rate_before"] + effect * (units["unit"].map(arm) == "wardens")
    incidents = rng.poisson(np.maximum(rate, 1) * units["residents"] / 1000)
    units[["unit", "residents"]].assign(incidents=incidents).to_csv(
        folder / "outcomes.csv", index=False
    )
    run("analyse", folder, folder / "outcomes.csv")
    acts = ["--decision", "adapt", "--reason", "Dear.", "--by", "Lead agencies"]
    run("decide", folder, "--arm", "wardens", *acts)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    study, home = open_study("bolton_demo"), tmp_path_factory.mktemp("own")
    first, second = home / "wardens", home / "wardens_2"
    run("new", first)
    a_round(first, study, 1)
    run("next", first, "--out", second)
    a_round(second, study, 2)
    return first, second


def test_the_rounds_of_an_arm_are_on_one_page(rounds, capsys):
    first, second = rounds
    run("pool", first, second, "--arm", "wardens")
    assert "Over two rounds the mean effect is" in capsys.readouterr().out
    page = (first / "rounds.html").read_text(encoding="utf-8")
    assert "Round 1" in page
    assert "Round 2" in page
    assert 'src="data:image/png' in page
    assert page.count("Lead agencies") == 2  # a decision a round
    assert all(verify(folder).head in page for folder in rounds)
    assert all(verify(folder).holds for folder in rounds)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param("07_experiment_design", {}, marks=pytest.mark.slow),
        ("08_experiment_analysis", {"outcomes": "outcomes.csv"}),
    ],
)
def test_the_notebooks_read_an_experiment_of_ones_own(rounds, tmp_path, name, given):
    first, _ = rounds
    parameters = {"folder": str(first)} | {key: str(first / file) for key, file in given.items()}
    before = read_register(first)
    run_notebook(NOTEBOOKS / f"{name}.ipynb", tmp_path, parameters)
    added = read_register(first)[len(before) :]  # the same outcomes are not analysed twice
    assert {entry.kind for entry in added} <= {"published"}
    assert verify(first).holds
    assert not (tmp_path / "experiment_demo").exists()


@pytest.mark.slow
def test_a_wedge_of_units_that_no_study_has_gets_the_power_of_a_wedge(tmp_path):
    folder = tmp_path / "wedge"
    run("new", folder)
    file = folder / "design.toml"
    steps = 'method = "wedge"\nsteps = [4, 4, 4]\nperiods = ["q1", "q2", "q3", "q4"]'
    text = file.read_text().replace('method = "blocked"', steps)
    file.write_text(text.replace('strata = ["district"]', ""))
    run("register", folder)
    executed = run_notebook(
        NOTEBOOKS / "07_experiment_design.ipynb", tmp_path, {"folder": str(folder)}
    )
    shown = [str(o.get("data", {})) for cell in executed.cells for o in cell.get("outputs", ())]
    assert any("in 3" in text and "smallest p-value is 2.9e-05" in text for text in shown)
    assert sum("are not areas of this study" in text for text in shown) == 3
