"""The worked example: two rounds on the demo study, with outcomes simulated from its own panel.

Nothing here was tried or seen anywhere. The areas and their past are those of the study (simulated,
for the demo); what each arm then does to the outcome is chosen by the caller, so that the right
answer is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis.absent import Absent, if_possible
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.findings import TrialResult
from lsp_analysis.experiments.analysis.looks import Look, take_look
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.analysis.pooling import Pooled, pool_rounds
from lsp_analysis.experiments.draw.matching import match_pairs
from lsp_analysis.experiments.papers.result import write_result
from lsp_analysis.experiments.power.past import Grid, grid_of
from lsp_analysis.experiments.protocol.reading import FILE, read_design
from lsp_analysis.experiments.record import decisions
from lsp_analysis.experiments.record.allocation import draw_allocation
from lsp_analysis.experiments.record.delivery import Monitoring, monitor
from lsp_analysis.experiments.record.folder import Experiment, open_experiment
from lsp_analysis.experiments.record.registration import register_design
from lsp_analysis.resources import resource
from lsp_analysis.showing import with_note
from lsp_analysis.study.store import Study, open_study

PRIMARY, SECONDARY = "antisocial_behaviour", "burglary"
COLUMNS = {PRIMARY: ("incidents", "residents"), SECONDARY: ("burglaries", "households")}
DEMO = "bolton_demo"
YEAR = 12
BLOCK = 8
N_UNITS = {1: 96, 2: 40}
STARTS = {1: "2010-04", 2: "2011-04"}
DATES = {1: ("2010-02-01", "2010-02-15"), 2: ("2011-06-01", "2011-06-15")}  # registered, drawn

TRUTH = {"wardens": -0.35, "letters": 0.0, "moving_on": 0.35}  # what was put in
DELIVERED = {"wardens": 0.85, "letters": 0.95, "moving_on": 0.9}
STOPPED = {"moving_on": 7}  # months after which the arm that did harm was stopped
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

    The demo needs months of two outcomes in more areas than most studies have; your `own`
    experiment is always planned on `study`.
    """
    data = open_study(study)
    known = set(data.indicators()["indicator_id"])
    if own or (set(COLUMNS) <= known and len(data.small_areas()) > sum(N_UNITS.values())):
        return data
    return open_study(DEMO)


def folder_of(own: str, demo: str, study: Study, *, round: int = 1) -> Path:
    """Your own experiment's folder, or the demo's, written into `demo` with design and units.

    An earlier demo in that folder is written anew.

    Raises
    ------
    DesignError
        There is no design in `own`, or `demo` holds an experiment that is not the demo.
    """
    if own:
        read_design(own)
        return Path(own)
    return set_up_example(demo, study, round=round)


def as_it_stands(
    own: str, home: str | Path, *, text: str = "", round: int = 1
) -> Experiment | Absent:
    """Your own experiment as it is on record; the demo is registered and drawn first.

    Your own is absent while it is not registered: reading a notebook puts nothing on record.
    """
    if own:
        return if_possible(open_experiment, own)
    registered, drawn = map(day, DATES[round])
    register_design(home, now=registered)
    return draw_allocation(home, text=text, now=drawn)


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
        self, study: Study, demo: str, *, text: str, seed: int, own: str = "", outcomes: str = ""
    ) -> None:
        """Write, register and draw the demo; your own is opened as it stands."""
        self._study, self._text, self._seed, self._outcomes = study, text, seed, outcomes
        self._second = Path(demo) / "round_2"
        self.home = Path(own) if own else Path(demo) / "round_1"
        self._own = bool(own)
        if not own:
            draw_example(self.home, study, text=text)

    def delivery(self) -> Monitoring | Absent:
        """The demo's delivery, reported month by month."""
        if self._own:
            return Absent("Reports of delivery go to experiments.monitor(experiment, reports).")
        told = {"seed": self._seed, "delivered": DELIVERED, "stopped": STOPPED}
        found = monitor(open_experiment(self.home), simulate_progress(self.home, **told))
        return with_note(found, SIMULATED)

    def look(self) -> Look | Absent:
        """The demo's look after six months."""
        if self._own:
            return Absent("A look before the end is taken by `lsp-analysis design look`.")
        options = {"seed": self._seed, "delivered": DELIVERED}
        half = simulate_outcomes(self._study, self.home, TRUTH, months=6, **options)
        return take_look(self.home, half, now=day("2010-11-01"))

    def analyse(self) -> TrialResult | Absent:
        """Outcomes opened and analysed, on record; those of one demo area are missing."""
        if self._own:
            if not self._outcomes:
                return Absent("No file of outcomes is given, so nothing was opened.")
            return analyse(self.home, self._outcomes)
        lost = open_experiment(self.home).allocation["unit"].iloc[40:41]
        given = {"delivered": DELIVERED, "stopped": STOPPED, "lost": lost}
        file = simulate_outcomes(self._study, self.home, TRUTH, seed=self._seed, **given)
        return _simulated(analyse(self.home, file, now=day("2011-05-02")))

    def write(self, result: TrialResult) -> list[Path] | Absent:
        """Page, numbers, data and codebook of a result; where they are."""
        if not result:
            return Absent("There is no result to write.")
        now = None if self._own else day("2011-05-02")
        return write_result(result, self.home, note=self._study.note, now=now)

    def decide(self) -> pd.DataFrame | Absent:
        """Decisions on record, absent until there is one; the demo's are taken first."""
        if not self._own:
            lead = {"by": "Lead agencies group", "now": day("2011-05-09")}
            for arm, decision, reason in DECIDED:
                decisions.record_decision(
                    self.home, arm=arm, decision=decision, reason=reason, **lead
                )
        columns = ["round", "arm", "finding", "decision", "reason", "by", "date"]
        log = decisions.evidence_log([self.home])[columns]
        return (
            log if len(log) else Absent("No decision is on record: `lsp-analysis design decide`.")
        )

    def pooled(self, first: TrialResult) -> Pooled | Absent:
        """The demo's second round of wardens, together with the first."""
        if self._own:
            return Absent("Rounds are pooled by `lsp-analysis design pool`.")
        draw_example(self._second, self._study, text=NEXT_TEXT, round=2, after=self.home)
        put_in = {"seed": self._seed + 1, "delivered": DELIVERED}
        file = simulate_outcomes(self._study, self._second, {"wardens": -0.3}, **put_in)
        second = analyse(self._second, file, now=day("2012-05-02"))
        return pool_rounds([first, second], arm="wardens")


def _simulated(result: TrialResult) -> TrialResult:
    """A result of the demo, whose charts say that its outcomes are simulated."""
    with_note([one.test for one in result.contrasts], SIMULATED, about=result.chart_name)
    return with_note(result, SIMULATED)


def draw_example(
    folder: str | Path, study: Study, *, text: str, round: int = 1, after: str | Path | None = None
) -> Experiment:
    """One round of the example set up, registered and drawn, on the dates of the story.

    Parameters
    ----------
    text : str
        Public text of the other party, as for `draw_allocation`.
    round, after
        As for `set_up_example`.
    """
    home = set_up_example(folder, study, round=round, after=after)
    return as_it_stands("", home, text=text, round=round)


def set_up_example(
    folder: str | Path, study: Study, *, round: int = 1, after: str | Path | None = None
) -> Path:
    """Write the design and the units of one round of the example into `folder`.

    Round 1 takes the 96 most deprived areas outside the pilot, in blocks of eight alike in the
    outcome before; round 2 takes the next 40, in matched pairs. `after` is the folder of the
    round before, whose register the new design names.
    """
    if round not in N_UNITS:
        raise DesignError(f"The example has rounds 1 and 2, and no round {round}.")
    folder = Path(folder)
    _start_again(folder)
    folder.mkdir(parents=True, exist_ok=True)
    design = resource("notebooks") / "experiments" / f"round_{round}" / "design.toml"
    text = design.read_text(encoding="utf-8")
    if after is not None:
        text = decisions.set_top_level(text, "inherits", f'"{open_experiment(after).head}"')
    (folder / "design.toml").write_bytes(text.encode())
    units = example_units(study, round=round)
    (folder / "units.csv").write_bytes(units.to_csv(index=False, lineterminator="\n").encode())
    return folder


def _start_again(folder: Path) -> None:
    """Remove an earlier demo from a folder, and nothing that is not one."""
    if not (folder / FILE).exists():
        return
    theirs = read_design(folder).title
    designs = (resource("notebooks") / "experiments").glob("round_*/design.toml")
    if theirs not in {read_design(path).title for path in designs}:
        raise DesignError(f"{folder} holds an experiment that is not the demo. Choose another.")
    for path in folder.glob("*"):
        if path.suffix in (".jsonl", ".csv", ".html", ".json", ".toml"):
            path.unlink()


def example_units(study: Study, *, round: int = 1) -> pd.DataFrame:
    """Areas of one round with their past: outcome one and two years before, burglary, density."""
    start = pd.Period(STARTS[round], freq="M")
    grid, other = (_grid(study, name, start) for name in COLUMNS)
    table = pd.DataFrame(
        {
            "unit": grid.areas,
            "rate_before": grid.window(len(grid.periods) - YEAR, len(grid.periods)),
            "rate_2_before": grid.window(len(grid.periods) - 2 * YEAR, len(grid.periods) - YEAR),
            "residents": grid.base[:, -1].astype(int),
        }
    )
    burglary = pd.Series(other.window(len(other.periods) - YEAR, len(other.periods)), other.areas)
    table["burglary_before"] = table["unit"].map(burglary)
    table["density"] = table["unit"].map(_density(study, table.set_index("unit")["residents"]))
    table = table[table["unit"].isin(_deprived(study, round))].round(3)
    if round == 2:
        return match_pairs(table, on=["rate_before", "rate_2_before"]).drop(columns="pair_distance")
    table = table.sort_values(["rate_before", "unit"], ignore_index=True)
    return table.assign(block=[f"block-{1 + i // BLOCK:02d}" for i in range(len(table))])


def simulate_outcomes(
    study: Study,
    folder: str | Path,
    effects: Mapping[str, float],
    *,
    seed: int,
    months: int = YEAR,
    delivered: Mapping[str, float] | None = None,
    stopped: Mapping[str, int] | None = None,
    lost: Iterable[str] = (),
) -> Path:
    """Write ``outcomes.csv``: the study's own next months, changed by what each arm does.

    Parameters
    ----------
    folder : folder of an experiment whose units are drawn.
    effects : mapping of arm to share
        -0.3 thins the arm's incidents by 30% where the programme is received in full.
    seed : int
    months : int
        Months from the start.
    delivered : mapping of arm to share, optional
        Mean share of the programme that areas of the arm receive; areas differ about it.
    stopped : mapping of arm to months, optional
        Arms that were stopped after so many months: their effect ends there.
    lost : area codes
        Areas whose outcome is not handed over: their rows stay, without a number.
    """
    experiment = open_experiment(folder)
    arm_of = experiment.allocation.set_index("unit")["arm"]
    start = pd.Period(STARTS[experiment.design.round], freq="M")
    stop = start + months
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"unit": sorted(arm_of.index)})
    arms = table["unit"].map(arm_of)
    received = _received(arms, delivered or {}, rng)
    lasted = arms.map(lambda arm: (stopped or {}).get(arm, months) / months).to_numpy(float)
    received = received * lasted
    table["received"] = received.round(3)
    for name, (count, base) in COLUMNS.items():
        rows = study.panel(name)
        rows = rows[(rows["period"] >= start) & (rows["period"] < stop)]
        sums = rows.groupby("area_code").agg({"numerator": "sum", "denominator": "mean"})
        own = sums.reindex(table["unit"])
        change = arms.map(effects).fillna(0.0).to_numpy() * received if name == PRIMARY else None
        table[count] = _changed(own["numerator"].to_numpy(int), change, rng)
        table[base] = own["denominator"].round().to_numpy(int)
    table = table.astype({"incidents": "Int64", "burglaries": "Int64"})
    table.loc[table["unit"].isin(set(lost)), ["incidents", "burglaries"]] = pd.NA
    file = Path(folder) / ("outcomes.csv" if months == YEAR else f"outcomes-{months}-months.csv")
    file.write_bytes(table.to_csv(index=False, lineterminator="\n").encode())
    return file


def simulate_progress(
    folder: str | Path,
    *,
    seed: int,
    months: int = YEAR,
    delivered: Mapping[str, float],
    stopped: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Monthly delivery as agencies would report it: planned and delivered sessions, visits checked.

    Each unit gets over the year what `simulate_outcomes` has it receive with the same `seed`,
    `delivered` and `stopped`; half as much in the first month, and nothing is planned after a stop.

    Columns ``unit``, ``period``, ``planned``, ``delivered``, ``checked``, ``faithful``, ``seen``
    (visits by an observer) and ``other_arm`` (of those, with another arm's programme there).
    """
    experiment = open_experiment(folder)
    arm_of = experiment.allocation.set_index("unit")["arm"].sort_index()
    received = pd.Series(_received(arm_of, delivered, np.random.default_rng(seed)), arm_of.index)
    rng = np.random.default_rng(seed + 1)
    start = pd.Period(STARTS[experiment.design.round], freq="M")
    table = experiment.allocation.merge(
        pd.DataFrame({"period": pd.period_range(start, periods=months, freq="M")}), how="cross"
    )
    month = (table["period"] - start).map(lambda gap: gap.n).to_numpy()
    open_for = table["arm"].map(lambda arm: (stopped or {}).get(arm, months)).to_numpy()
    planned = np.where(table["arm"].isin(list(delivered)) & (month < open_for), 16, 0)
    slow = np.where(month == 0, 0.5, 1.0) * months / (months - 0.5)
    done = rng.binomial(planned, np.clip(table["unit"].map(received).to_numpy() * slow, 0, 1))
    checked = np.minimum(done, 4)
    return table[["unit", "period"]].assign(
        planned=planned,
        delivered=done,
        checked=checked,
        faithful=rng.binomial(checked, 0.9),
        seen=4,
        other_arm=rng.binomial(4, 0.01, len(table)),
    )


def _grid(study: Study, indicator_id: str, start: pd.Period) -> Grid:
    panel = study.panel(indicator_id)
    return grid_of(panel[panel["period"] < start], multiplier=1000.0, value_type="rate")


def _deprived(study: Study, round: int) -> list[str]:
    """The most deprived areas outside the pilot and outside earlier rounds."""
    ranks = study.deprivation(edition=2010).sort_values("rank")["area_code"].tolist()
    pilot = set(study.area("Hall i' th' Wood").members)
    open_to = [code for code in ranks if code not in pilot]
    first = sum(n for number, n in N_UNITS.items() if number < round)
    return open_to[first : first + N_UNITS[round]]


def _density(study: Study, residents: pd.Series) -> pd.Series:
    """Dense or open: above or below the middle of residents per hectare."""
    shapes = study.geometry(residents.index)
    hectares = pd.Series(shapes.geometry.area.to_numpy() / 1e4, shapes["area_code"])
    per_hectare = residents / hectares.reindex(residents.index)
    return pd.Series(np.where(per_hectare > per_hectare.median(), "dense", "open"), residents.index)


def _received(
    arms: pd.Series, delivered: Mapping[str, float], rng: np.random.Generator
) -> np.ndarray:
    """Share of the programme that each area receives: about its arm's mean, none in the control."""
    mean = arms.map(delivered).fillna(0.0).to_numpy()
    draws = rng.beta(np.maximum(20 * mean, 1e-9), np.maximum(20 * (1 - mean), 1e-9))
    return np.where((mean > 0) & (mean < 1), draws, mean)


def _changed(counts: np.ndarray, change: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Counts thinned where the change is a fall, topped up where it is a rise."""
    if change is None:
        return counts
    thinned = rng.binomial(counts, np.clip(1 + np.minimum(change, 0), 0, 1))
    return thinned + rng.poisson(counts * np.maximum(change, 0))
