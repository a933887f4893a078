"""On paper: the protocol page, the flow of clusters, the appendix, and the command line."""

import html.parser
import itertools
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from small_experiment import a_trial, at, drawn, outcomes_of, with_rows

from lsp_analysis.cli import main
from lsp_analysis.experiments.analysis.findings import analyse_trial
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.papers.protocol import protocol_page, write_protocol
from lsp_analysis.experiments.papers.result import appendix_table, draw_trial_flow, flow_frame
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import register_design
from lsp_analysis.figures import draw_flow

LOOKS = (
    "[stopping]",
    '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]',
)
HOSTILE = ('question = "If wardens', 'question = "<script>alert(1)</script> If wardens')


class Tags(html.parser.HTMLParser):
    """Collects tags and checks that they nest."""

    VOID = ("meta", "img", "br")

    def __init__(self, page):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = drawn(tmp_path_factory.mktemp("protocol") / "experiment", LOOKS, HOSTILE)
    file = folder / "design.toml"
    text = file.read_text(encoding="utf-8").replace("worth_having = 5.0", "worth_having = 4.0")
    file.write_text(text, encoding="utf-8", newline="\n")
    register_design(folder, note="The price fell.", now=at(2010, 3, 1))
    return open_experiment(folder)


@pytest.fixture(scope="module")
def page(experiment):
    return protocol_page(experiment, note="Simulated data")


def test_the_protocol_page_is_whole_and_asks_for_nothing(page):
    tags = Tags(page)
    assert tags.open == []
    assert [name for name, _ in tags.seen if name == "h1"] == ["h1"]
    assert ("html", {"lang": "en-GB"}) in tags.seen
    assert not re.search(r"<script|https?://|@import|url\(", page)
    assert "&lt;script&gt;alert(1)" in page
    [picture] = [attrs for name, attrs in tags.seen if name == "img"]
    assert picture["src"].startswith("data:image/png;base64,")
    assert "standard deviations from the control" in picture["alt"]


def test_the_protocol_page_says_what_a_protocol_must(experiment, page):
    for said in [
        "The price fell.",
        "decision.worth_having: 5.0 -&gt; 4.0",
        experiment.head,
        "4 16 20 25 38 45",
        "Wardens with two weeks&#39; training",
        "400 allocations",
        "It finds 4.0 per 1,000 residents a year, the smallest effect worth having",
        "SHA-256 of the head, a line feed and the public text",
        experiment.entries[0].hash,
        experiment.draw.content["seed"],
        "area-07",
        "Planned looks",
        "2010-10-31",
        "The community safety officer",
    ]:
        assert said in page, said


@pytest.mark.slow
def test_the_page_is_the_same_twice(experiment, page, tmp_path):
    written = write_protocol(experiment, tmp_path / "a/one.html", note="Simulated data")
    assert written.read_text(encoding="utf-8") == page


def test_the_flow_counts_every_cluster_down_to_the_analysis():
    trial = a_trial(n=24)
    rows = trial.rows.assign(received=np.where(trial.drawn == 1, 0.8, 0.0))
    rows.loc[3, "incidents"] = np.nan
    result = analyse_trial(with_rows(trial, rows))
    frame = flow_frame(result)
    assert frame["stage"].unique().tolist() == [
        "Randomised",
        "Allocated",
        "Followed up",
        "Analysed",
    ]
    counts = frame.groupby("stage", sort=False)["clusters"].sum()
    assert counts.tolist() == [24, 24, 23, 23]
    assert frame["note"].str.contains("no outcome: area-03").sum() == 1
    assert frame["note"].str.contains("received 80.0% of the programme").sum() == 1
    assert frame["people"].iloc[-2:].sum() == 23 * 1500
    assert draw_trial_flow(result) is not None


def test_the_appendix_has_every_analysis():
    trial = a_trial(("models = [", 'models = ["glm", '), n=24, effect=-5)
    rows = trial.rows.assign(received=np.where(trial.drawn == 1, 0.8, 0.0))
    rows.loc[3, "incidents"] = np.nan
    result = analyse_trial(with_rows(trial, rows))
    table = appendix_table(result)
    assert table.frame["Analysis"].tolist() == [
        "registered test",
        "Generalised linear model (GLM)",
        "Regression (OLS)",
        "Lee, lower",
        "Lee, upper",
        "most against the arm",
        "most in favour of the arm",
        "effect of the whole programme received",
    ]
    assert table.frame["Difference"][0] == pytest.approx(result.effects[0].estimate)


# The command line


@pytest.fixture
def run(capsys):
    """`run("verify", folder)` is (exit code, stdout, stderr)."""

    def run(*words):
        try:
            code = main(["design", *map(str, words)])
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_an_experiment_runs_from_the_command_line(run, tmp_path):
    folder = tmp_path / "mine"
    assert run("new", folder)[0] == 0
    code, out, _ = run("register", folder)
    assert code == 0
    assert "line 1 of the register" in out
    assert "400 allocations" in out
    code, out, _ = run("draw", folder, "--text", "4 16 20")
    assert code == 0
    assert "usual 6, wardens 6" in out
    code, out, _ = run("verify", folder)
    assert code == 0
    assert "What was checked holds" in out
    head = open_experiment(folder).head
    assert head in out
    assert run("verify", folder, "--head", head)[0] == 0
    code, out, _ = run("page", folder)
    assert (folder / "protocol.html").exists()
    assert out.strip() == str(folder / "protocol.html")


def test_tampering_is_one_sentence_and_exit_1(run, tmp_path):
    folder = drawn(tmp_path / "mine")
    file = folder / "allocation.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("usual", "USUAL"), encoding="utf-8")
    code, out, err = run("verify", folder)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "allocation.csv was altered" in err


def test_an_amendment_from_the_command_line(run, tmp_path):
    folder = drawn(tmp_path / "mine")
    file = folder / "design.toml"
    text = file.read_text(encoding="utf-8").replace("worth_having = 5.0", "worth_having = 4.0")
    file.write_text(text, encoding="utf-8", newline="\n")
    assert run("register", folder)[0] == 1
    code, out, _ = run("register", folder, "--note", "The price fell.")
    assert code == 0
    assert "Amendment 1 is on record as line 3" in out
    assert "design draw" not in out


@pytest.mark.parametrize("words", [(), ("verify",), ("draw", "x"), ("forge", "x")])
def test_a_command_that_cannot_be_read_is_a_usage_error(run, words):
    assert run(*words)[0] == 2


def test_outcomes_opened_twice_are_shown_on_later_pages(experiment, tmp_path):
    folder = shutil.copytree(experiment.path, tmp_path / "copy")
    analyse(folder, outcomes_of(folder), now=at(2010, 12, 1))
    assert "not as a planned look" in protocol_page(open_experiment(folder))


def test_a_protocol_shows_only_what_its_method_uses(page, tmp_path):
    assert "Columns of the units file to adjust for" in page
    assert "(constrained)" not in page
    assert "(wedge)" not in page
    steps = 'method = "wedge"\nsteps = [4, 4, 4]\nperiods = ["1", "2", "3", "4"]'
    folder = drawn(
        tmp_path / "wedge", ('method = "blocked"', steps), ('strata = ["district"]\n', "")
    )
    wedge = protocol_page(open_experiment(folder))
    assert "Diagram of starts: 12 clusters over four periods" in wedge
    assert "generalised least squares on the cells observed" in wedge


def test_the_flow_keeps_within_its_columns():
    stages = ["Randomised", *["Followed up"] * 4]
    names = ["", "Usual services", "Evening wardens", "Letters to parents", "Moving groups on"]
    frame = pd.DataFrame({"stage": stages, "arm": names, "clusters": 24, "people": 37_015})
    ax = draw_flow(frame)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if "Followed up" in text.get_text()]
    lefts = sorted((box.x0, box.x1) for box in boxes)
    assert len(lefts) == 4
    assert all(one[1] < other[0] for one, other in itertools.pairwise(lefts))
