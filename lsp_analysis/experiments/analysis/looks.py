"""Look at the outcome before the end, at planned times and against bounds that allow for it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from scipy.stats import norm

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.boundaries import (
    Bounds,
    conditional_power,
    group_sequential_bounds,
)
from lsp_analysis.experiments.analysis.comparison import Contrast, contrast
from lsp_analysis.experiments.analysis.trial import Trial, make_trial, read_outcomes
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import Experiment, open_experiment
from lsp_analysis.showing import Shown

COLUMNS = ["arm", "z", "bound", "crossed", "conditional_power", "power_if_worth_having"]


@dataclass(frozen=True)
class Look(Shown):
    """One look.

    Attributes
    ----------
    number : int
        Which of the planned looks; 0 where it was not planned.
    table : DataFrame
        One row per arm: ``z`` (from the p-value of the randomisation test; positive is good for
        people), ``bound``, ``crossed`` ("", "benefit" or "harm"), ``conditional_power`` (chance
        that the end crosses its bound if the effect is as it looks now) and
        ``power_if_worth_having`` (if it is the smallest worth having).
    warnings : tuple of str
    labels : dict
        Name of each arm for readers.
    """

    number: int
    date: str
    table: pd.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def planned(self) -> bool:
        """Whether the protocol foresaw this look."""
        return self.number > 0

    def summary_frame(self) -> pd.DataFrame:
        """One row per arm."""
        return self.table.assign(look=self.number, date=self.date)

    def sentence(self) -> wording.Sentence:
        """What crossed its bound, if anything did."""
        name = f"planned look {self.number}" if self.planned else "a look that was not planned"
        crossed = [
            f"{self.labels.get(row.arm, row.arm)} ({row.crossed})"
            for row in self.table.itertuples()
            if row.crossed
        ]
        found = (
            f"bounds were crossed by {wording.and_list(crossed)}"
            if crossed
            else ("no bound was crossed: the experiment goes on")
        )
        return wording.Sentence(" ".join([f"At {name} on {self.date}, {found}.", *self.warnings]))


def bounds_of(design: Design) -> Bounds:
    """The bounds a design's looks are held against; DesignError if it plans none."""
    looks = design.looks
    if looks.boundary == "none":
        raise DesignError("The design plans no looks before the end. An amendment can add them.")
    times = looks.fractions or len(looks.dates)
    return group_sequential_bounds(times, looks.boundary, alpha=1 - design.analysis.level)


def take_look(folder: str | Path, outcomes: str | Path, *, now: dt.datetime | None = None) -> Look:
    """Look at outcomes so far, and put the look on record; unplanned, it is a deviation.

    A planned look can be taken from its day on until the day of the next, once.

    Raises
    ------
    DesignError
        Nothing is drawn, anything on record was altered, or it is time for the final analysis.
    """
    experiment = open_experiment(folder)
    allocation = experiment.allocation
    file = Path(outcomes)
    rows = read_outcomes(file, experiment.design)
    date = (now or dt.datetime.now(dt.UTC)).date().isoformat()
    number = _number(experiment, date)
    trial = make_trial(experiment, allocation, rows)
    look = look_at(trial, number, date=date)
    arms = [_entry(row) for row in look.table.to_dict("records")]
    content = {"look": number, "sha256": chain.sha256_of(file), "file": file.name, "arms": arms}
    chain.append(folder, "look", content, now=now)
    if not look.planned:
        what = f"A look at the outcomes on {date} that the protocol did not plan."
        chain.append(folder, "deviation", {"what": what}, now=now)
    return look


def look_at(trial: Trial, number: int, *, date: str = "") -> Look:
    """What one look shows, without any record: for rehearsals."""
    design = trial.design
    bounds = bounds_of(design) if design.looks.boundary != "none" else None
    rows, warnings = [], []
    for position, arm in enumerate(design.active, start=1):
        one = contrast(trial, design.outcome, position)
        rows.append((arm.name, *_against_bound(one, design, bounds, number)))
        bound = rows[-1][2]
        if math.isfinite(bound) and norm.isf(one.test.p_value_floor / 2) < bound:
            warnings.append(
                f"With {one.test.n_allocations:,} allocations {arm.label} cannot cross this bound, "
                "whatever its effect."
            )
    if not number:
        warnings.append("The bounds do not allow for it, so a chance finding is more likely.")
    labels = {arm.name: arm.label for arm in design.active}
    return Look(number, date, pd.DataFrame(rows, columns=COLUMNS), tuple(warnings), labels)


def signed_z(one: Contrast) -> float:
    """The p-value as a normal statistic, positive where the arm does good."""
    good = 1.0 if one.outcome.polarity == "high_is_good" else -1.0
    size = float(norm.isf(min(one.test.p_value, 1.0) / 2))
    return math.copysign(size, good * one.test.estimate)


def _against_bound(
    one: Contrast, design: Design, bounds: Bounds | None, number: int
) -> tuple[float, float, str, float, float]:
    """The row of one arm after its name."""
    z = signed_z(one)
    if bounds is None or not number:
        return z, math.nan, "", math.nan, math.nan
    bound, share = bounds.z[number - 1], bounds.fractions[number - 1]
    crossed = "" if abs(z) < bound else "benefit" if z > 0 else "harm"
    if share >= 1:
        return z, bound, crossed, math.nan, math.nan
    drift = design.decision.worth_having / one.error / math.sqrt(share)
    chances = (
        conditional_power(z, share, bound=bounds.constant),
        conditional_power(z, share, bound=bounds.constant, drift=drift),
    )
    return z, bound, crossed, *chances


def _entry(row: dict) -> dict:
    """One arm's row as the register keeps it."""
    words = {name: row[name] for name in ("arm", "crossed")}
    return words | {name: chain.plain(value) for name, value in row.items() if name not in words}


def _number(experiment: Experiment, date: str) -> int:
    """Which planned look falls on `date`; 0 if none does, or it has been taken."""
    planned = experiment.design.looks.dates
    due = sum(day <= date for day in planned)
    if planned and due == len(planned):
        raise DesignError(
            f"The final analysis was planned for {planned[-1]}: it is not a look but `analyse`."
        )
    taken = {entry.content["look"] for entry in experiment.entries if entry.kind == "look"}
    return 0 if due in taken else due
