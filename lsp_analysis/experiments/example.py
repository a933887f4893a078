"""The worked example: two rounds on the demo study, played with outcomes that were simulated.

Nothing here was tried or seen anywhere. What each arm would bring in each area is in files beside
the designs (``data/make_experiment_demo.py`` made them), so whatever is drawn, the right answer is
known.
"""

import datetime as dt
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.findings import TrialResult
from lsp_analysis.experiments.analysis.opening import Look, analyse, take_look
from lsp_analysis.experiments.analysis.pooling import Pooled, pool_rounds
from lsp_analysis.experiments.papers.result import write_result
from lsp_analysis.experiments.protocol.reading import FILE, read_design
from lsp_analysis.experiments.record.delivery import Monitoring, monitor
from lsp_analysis.experiments.record.folder import Experiment, open_experiment
from lsp_analysis.experiments.record.registration import (
    draw_allocation,
    evidence_log,
    record_decision,
    register_design,
    set_top_level,
)
from lsp_analysis.resources import resource
from lsp_analysis.showing import Absent, if_possible, with_note
from lsp_analysis.study.store import Study, open_study

DEMO = "bolton_demo"
OUTCOMES = {"antisocial_behaviour", "burglary"}
DATES = {1: ("2010-02-01", "2010-02-15"), 2: ("2011-06-01", "2011-06-15")}  # registered, drawn
SIMULATED = "Simulated data"
NEXT_TEXT = "Lotto 11 June 2011: 3 17 21 30 41 47"
DECIDED = (
    ("wardens", "adapt", "It helps, and four evenings a week are dear."),
    ("letters", "stop", "No benefit worth having."),
    ("moving_on", "stop", "It harms."),
)


def day(text: str) -> dt.datetime:
    """Midnight, Greenwich time, of a date such as "2010-02-01", for the register."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def study_of(own: str, study: str) -> Study:
    """The study that an experiment is planned on; the demo's where `study` cannot hold the demo.

    The demo needs its own areas, and months of two outcomes in them; your `own` experiment is
    always planned on `study`.
    """
    data = open_study(study)
    areas, units = data.small_areas()["area_code"], pd.read_csv(_file(1, "units.csv"))["unit"]
    holds_demo = set(areas) >= set(units) and set(data.indicators()["indicator_id"]) >= OUTCOMES
    return data if own or holds_demo else open_study(DEMO)


def folder_of(own: str, demo: str) -> Path:
    """Your own experiment's folder, or the demo's, written into `demo` with design and units.

    An earlier demo in that folder is written anew.

    Raises
    ------
    DesignError
        There is no design in `own`, or `demo` holds an experiment that is not the demo.
    """
    if own:
        read_design(own)
    return Path(own) if own else set_up_example(demo)


def as_it_stands(own: str, home: str | Path, *, text: str = "") -> Experiment | Absent:
    """Your own experiment as it is on record; the demo is registered and drawn first.

    Your own is absent while it is not registered: reading a notebook puts nothing on record.
    """
    return if_possible(open_experiment, own) if own else draw_example(home, text=text)


class Story:
    """Notebook 08 step by step: the demo's two rounds, or your own experiment and its outcomes.

    What only the demo has (reports of delivery, a look, decisions, a second round) is absent for an
    experiment of your own, and says which command does it.

    Attributes
    ----------
    home : Path
        Folder of the (first) experiment.
    """

    def __init__(
        self, study: Study, demo: str | Path, *, text: str, own: str = "", outcomes: str = ""
    ) -> None:
        """Write, register and draw the demo; your own is opened as it stands."""
        self._study, self._outcomes, self._own = study, outcomes, bool(own)
        self._second = Path(demo) / "round_2"
        self.home = Path(own) if own else Path(demo) / "round_1"
        if not own:
            draw_example(self.home, text=text)

    def delivery(self) -> Monitoring | Absent:
        """The demo's delivery, reported month by month."""
        if self._own:
            return Absent("Reports of delivery go to experiments.monitor(experiment, reports).")
        reports = brought_by_draw(self.home, "progress.csv")
        reports["period"] = pd.PeriodIndex(reports["period"], freq="M")
        return with_note(monitor(open_experiment(self.home), reports), SIMULATED)

    def look(self) -> Look | Absent:
        """The demo's look after six months."""
        if self._own:
            return Absent("A look before the end is taken by `lsp-analysis design look`.")
        half = write_outcomes(self.home, "outcomes-6-months.csv")
        return take_look(self.home, half, now=day("2010-11-01"))

    def analyse(self) -> TrialResult | Absent:
        """Outcomes opened and analysed, on record; those of one demo area are missing."""
        if self._own:
            if not self._outcomes:
                return Absent("No file of outcomes is given, so nothing was opened.")
            return analyse(self.home, self._outcomes)
        result = analyse(self.home, write_outcomes(self.home), now=day("2011-05-02"))
        with_note([one.test for one in result.contrasts], SIMULATED, about=result.chart_name)
        return with_note(result, SIMULATED)

    def write(self, result: TrialResult) -> list[Path] | Absent:
        """Page, numbers, data and codebook of a result; where they are."""
        if not result:
            return Absent("There is no result to write.")
        now = None if self._own else day("2011-05-02")
        return write_result(result, self.home, note=self._study.note, now=now)

    def decide(self) -> pd.DataFrame | Absent:
        """Decisions on record, absent until there is one; the demo's are taken first."""
        lead = {"by": "Lead agencies group", "now": day("2011-05-09")}
        for arm, decision, reason in () if self._own else DECIDED:
            record_decision(self.home, arm=arm, decision=decision, reason=reason, **lead)
        columns = ["round", "arm", "finding", "decision", "reason", "by", "date"]
        log = evidence_log([self.home])[columns]
        if log.empty:
            return Absent("No decision is on record: `lsp-analysis design decide`.")
        return log

    def pooled(self, first: TrialResult) -> Pooled | Absent:
        """The demo's second round of wardens, together with the first."""
        if self._own:
            return Absent("Rounds are pooled by `lsp-analysis design pool`.")
        draw_example(self._second, text=NEXT_TEXT, round=2, after=self.home)
        second = analyse(self._second, write_outcomes(self._second), now=day("2012-05-02"))
        return pool_rounds([first, second], arm="wardens")


def draw_example(
    folder: str | Path, *, text: str, round: int = 1, after: str | Path | None = None
) -> Experiment:
    """One round of the example set up, registered and drawn, on the dates of the story.

    Parameters
    ----------
    text : str
        Public text of the other party, as for `draw_allocation`.
    round, after
        As for `set_up_example`.
    """
    home, (registered, drawn) = set_up_example(folder, round=round, after=after), DATES[round]
    register_design(home, now=day(registered))
    return draw_allocation(home, text=text, now=day(drawn))


def set_up_example(folder: str | Path, *, round: int = 1, after: str | Path | None = None) -> Path:
    """Write the design and the units of one round of the example into `folder`.

    Round 1 takes the 96 most deprived areas outside the pilot, in blocks of eight alike in the
    outcome before; round 2 takes the next 40, in matched pairs. `after` is the folder of the
    round before, whose register the new design names.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / FILE).exists():  # an earlier demo is removed, and nothing that is not one
        theirs = read_design(folder).title
        if theirs not in {read_design(_file(number, FILE)).title for number in DATES}:
            raise DesignError(f"{folder} holds an experiment that is not the demo. Choose another.")
        for path in folder.glob("*"):
            if path.suffix in (".jsonl", ".csv", ".html", ".json", ".toml"):
                path.unlink()
    text = _file(round, FILE).read_text(encoding="utf-8")
    if after is not None:
        text = set_top_level(text, "inherits", f'"{open_experiment(after).head}"')
    (folder / FILE).write_bytes(text.encode())
    (folder / "units.csv").write_bytes(_file(round, "units.csv").read_bytes())
    return folder


def brought_by_draw(folder: Path, name: str) -> pd.DataFrame:
    """Of a file with a row for each arm that a unit could be in, the rows of the arms drawn."""
    experiment = open_experiment(folder)
    every = pd.read_csv(_file(experiment.design.round, name))
    return every.merge(experiment.allocation[["unit", "arm"]]).drop(columns="arm")


def write_outcomes(folder: Path, name: str = "outcomes.csv") -> Path:
    """Write into `folder` the outcomes that its draw brings."""
    file = folder / name
    table = brought_by_draw(folder, name).astype({"incidents": "Int64", "burglaries": "Int64"})
    file.write_bytes(table.to_csv(index=False, lineterminator="\n").encode())
    return file


def _file(round: int, name: str) -> Path:
    """A file of a round of the example, as it ships."""
    return resource("notebooks") / "experiments" / f"round_{round}" / name
