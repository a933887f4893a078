"""What a round found on paper, and from the command line."""

import pandas as pd
import pytest
from small_experiment import a_trial, drawn, outcomes_of, registered

from lsp_analysis.cli import main
from lsp_analysis.experiments.analysis.findings import analyse_trial
from lsp_analysis.experiments.papers.result import result_page
from lsp_analysis.experiments.record.folder import open_experiment


@pytest.mark.parametrize(
    ("effect", "said"), [(-30, "usual services: works"), (30, "usual services: harms")]
)
def test_the_answer_comes_first(effect, said):
    page = result_page(analyse_trial(a_trial(effect=effect)), note="Simulated data")
    assert page.index(said) < page.index("Who is in it") < page.index("Every analysis")
    assert "Flow diagram. Randomised: 24 clusters" in page
    assert "Simulated data" in page
    assert "<script" not in page
    assert "http" not in page


def test_an_experiment_is_analysed_from_the_command_line(tmp_path, capsys):
    folder = drawn(tmp_path / "x")
    outcomes = outcomes_of(folder)
    assert main(["design", "look", str(folder), str(outcomes)]) == 0
    assert "a look that was not planned" in capsys.readouterr().out
    assert main(["design", "analyse", str(folder), str(outcomes)]) == 0
    assert "One deviation on record" in capsys.readouterr().out
    numbers = pd.read_csv(folder / "result.csv")
    summary = (folder / "summary.html").read_text(encoding="utf-8")
    assert open_experiment(folder).entries[-2].hash in summary  # the analysis, before publishing
    assert "The rule registered in advance points to" in summary
    assert numbers.loc[0, "analysis"] == "registered test"
    assert numbers.loc[0, "low"] <= numbers.loc[0, "estimate"] <= numbers.loc[0, "high"]
    kinds = [entry.kind for entry in open_experiment(folder).entries]
    assert kinds == ["registered", "allocated", "look", "analysed", "published"]


def test_nothing_is_analysed_before_the_draw(tmp_path, capsys):
    folder = registered(tmp_path / "x")
    assert main(["design", "analyse", str(folder), str(outcomes_of(folder))]) == 1
    assert "No allocation is on record" in capsys.readouterr().err
    assert not (folder / "result.html").exists()
