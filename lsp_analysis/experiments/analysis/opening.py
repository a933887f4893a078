"""Open the outcomes of a registered experiment: analyse them, or take a look before the end.

Both go on record. Looks are taken at planned times, against bounds that allow for them.
"""

import datetime as dt
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from scipy.stats import norm

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis import boundaries
from lsp_analysis.experiments.analysis.comparison import Contrast, contrast
from lsp_analysis.experiments.analysis.findings import TrialResult, analyse_trial
from lsp_analysis.experiments.analysis.trial import Trial, make_trial, unit_values
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import Experiment, open_experiment
from lsp_analysis.showing import Shown

COLUMNS = ["outcome", "arm", "analysis", "estimate", "low", "high", "p_value", "p_adjusted", "note"]


def analyse(
    folder: str | Path, outcomes: str | Path, *, now: dt.datetime | None = None
) -> TrialResult:
    """Analyse outcomes as registered, and put on record that they were opened and what was found.

    Outcomes that do not fit are refused before anything is recorded. Another file than last time
    is a deviation, and so is an analysis before the planned end.

    Parameters
    ----------
    folder : folder of the experiment; its allocation must be on record.
    outcomes : CSV with a row per unit, person, or unit and period.
    now : datetime, optional
        Time of the entry in the register; the clock's by default.

    Raises
    ------
    DesignError
        Nothing is drawn, anything on record was altered, or the outcomes do not fit the design.
    """
    file = Path(outcomes)
    experiment = open_experiment(folder)
    content, result = analysis_of(experiment, file)
    before = [entry.content | {"deviation": ""} for entry in experiment.of("analysed")]
    if content | {"deviation": ""} not in before:
        said, today, planned = [], chain.moment(now)[:10], experiment.design.looks.dates
        if planned and today < planned[-1]:
            said.append(
                f"Outcomes were analysed on {today}, before the final analysis planned for "
                f"{planned[-1]} and not as a planned look."
            )
        if experiment.opened and content["sha256"] not in experiment.opened:
            said.append(f"Outcomes were analysed again, with another file ({content['file']}).")
        content |= {"deviation": " ".join(said)} if said else {}
        with chain.alone(folder):
            if open_experiment(folder).head != experiment.head:
                raise DesignError("Somebody else has written to the register. Analyse again.")
            chain.append(folder, "analysed", content, now=now)
        after = open_experiment(folder)
        record = {"head": after.head, "deviations": after.deviations}
        result = replace(result, trial=replace(result.trial, **record))
    return result


def analysis_of(experiment: Experiment, file: Path) -> tuple[dict, TrialResult]:
    """The analysis of an outcomes file, and what the register says of it; nothing is written."""
    trial = make_trial(experiment, file)
    result = analyse_trial(trial)
    lost = int(result.missing["units_without"].sum())
    findings = [
        {"arm": one.comparison.name, "finding": one.kind, "missing_units": lost}
        | {n: chain.plain(getattr(one, n)) for n in ("estimate", "low", "high", "p_adjusted")}
        for one in result.effects
    ]
    content = {"file": file.name, "sha256": trial.rows.attrs["sha256"]}
    content |= {"findings": findings, "numbers": chain.digest_of(numbers_text(result))}
    return content, result


def all_numbers(result: TrialResult) -> pd.DataFrame:
    """Every estimate of a result, unrounded: one row per outcome, comparison and analysis.

    Columns ``outcome``, ``arm``, ``analysis``, ``estimate``, ``low``, ``high``, ``p_value``,
    ``p_adjusted`` and ``note``.
    """
    primary = result.design.outcome.name
    rows = [
        {"outcome": primary, "arm": one.comparison.name, "analysis": "registered test"}
        | {n: getattr(one, n) for n in ("estimate", "low", "high", "p_value", "p_adjusted")}
        for one in result.effects
    ]
    tables = (
        (result.models, lambda row: row["model"]),
        (result.bounds[result.bounds["case"] != "as observed"], lambda row: row["case"]),
        (result.compliers, lambda row: "effect of the whole programme received"),
        (result.interaction, lambda row: "interaction of the factors"),
        (result.subgroups, lambda row: f"{row['subgroup']}: {row['category']}"),
        (result.secondary, lambda row: "harm" if row["is_harm"] else "secondary"),
    )
    for frame, name in tables:
        for row in frame.to_dict("records"):
            rows.append({"outcome": primary, "arm": "both"} | row | {"analysis": name(row)})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def numbers_text(result: TrialResult) -> str:
    """`all_numbers` as CSV, to nine digits: the same on every machine."""
    return all_numbers(result).to_csv(index=False, lineterminator="\n", float_format="%.9g")


LOOKED = ["arm", "z", "bound", "crossed", "conditional_power", "power_if_worth_having"]


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
        Name of each comparison for readers.
    information : float
        Share of the information there is, as the design defines it.
    """

    number: int
    date: str
    table: pd.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict, repr=False)
    information: float = math.nan

    def summary_frame(self) -> pd.DataFrame:
        """One row per arm."""
        return self.table.assign(look=self.number, date=self.date)

    def sentence(self) -> wording.Sentence:
        """What crossed its bound, if anything did."""
        name = f"planned look {self.number}" if self.number else "a look that was not planned"
        rows = self.table[self.table["crossed"] != ""].itertuples()
        crossed = [f"{self.labels.get(row.arm, row.arm)} ({row.crossed})" for row in rows]
        found = "no bound was crossed: the experiment goes on"
        if crossed:
            found = f"bounds were crossed by {wording.and_list(crossed)}"
        return wording.Sentence(" ".join([f"At {name} on {self.date}, {found}.", *self.warnings]))


def take_look(folder: str | Path, outcomes: str | Path, *, now: dt.datetime | None = None) -> Look:
    """Look at outcomes so far, and put the look on record; unplanned, it is a deviation.

    The next planned look can be taken from its day on, late if need be: its bound follows from the
    information there is (Lan and DeMets 1983). A look before its day is not a planned one.

    Raises
    ------
    DesignError
        Nothing is drawn, anything on record was altered, the outcomes do not fit, or it is time for
        the final analysis.
    """
    file = Path(outcomes)
    date = chain.moment(now)[:10]
    look, content = look_of(open_experiment(folder), file, date)  # complains before it is locked
    with chain.alone(folder):
        look, content = look_of(open_experiment(folder), file, date)
        chain.append(folder, "look", content, now=now)
    return look


def look_of(experiment: Experiment, file: Path, date: str) -> tuple[Look, dict]:
    """A look on `date`, and what the register says of it; nothing is written."""
    trial = make_trial(experiment, file)
    number = _number(experiment, date)
    look = look_at(trial, number, date=date)
    content = {"look": number, "sha256": trial.rows.attrs["sha256"], "file": file.name}
    content["arms"] = [
        {name: x if isinstance(x, str) else chain.plain(x) for name, x in row.items()}
        for row in look.table.to_dict("records")
    ]
    if number:
        content["information"] = look.information
    else:
        content["deviation"] = f"A look at the outcomes on {date} that the protocol did not plan."
    return look, content


def look_at(trial: Trial, number: int, *, date: str = "") -> Look:
    """What one look shows, without any record."""
    design, outcome = trial.design, trial.design.outcome
    bounds, information = None, math.nan
    if number:
        information = boundaries.planned_fractions(design)[number - 1]
        if design.looks.information == "outcomes":
            information = float(unit_values(trial, outcome)["value"].notna().mean())
        if trial.looks and information <= trial.looks[-1]:
            raise DesignError(
                f"The information at this look ({information:.0%}) is not more than at the look "
                f"before ({trial.looks[-1]:.0%}). Wait until more outcomes are known."
            )
        bounds = boundaries.bounds_of(design, (*trial.looks, information))
    rows, warnings = [], []
    for position, comparison in enumerate(design.comparisons(), start=1):
        one = contrast(trial, outcome, position)
        rows.append((comparison.name, *_against_bound(one, design, bounds)))
        bound = rows[-1][2]
        if math.isfinite(bound) and one.scheme.attainable_level(2 * norm.sf(bound)) == 0:
            warnings.append(
                f"With {one.test.n_allocations:,} allocations {comparison.label} cannot cross this "
                "bound, whatever its effect."
            )
    if not number:
        warnings.append("The bounds do not allow for it, so a chance finding is more likely.")
    labels = {one.name: one.label for one in design.comparisons()}
    return Look(
        number, date, pd.DataFrame(rows, columns=LOOKED), tuple(warnings), labels, information
    )


def signed_z(one: Contrast) -> float:
    """The p-value as a normal statistic, positive where the arm does good."""
    good = 1.0 if one.outcome.polarity == "high_is_good" else -1.0
    size = float(norm.isf(min(one.test.p_value, 1.0) / 2))
    return math.copysign(size, good * one.test.estimate)


def _against_bound(
    one: Contrast, design: Design, bounds: boundaries.Bounds | None
) -> tuple[float, float, str, float, float]:
    """The row of one comparison after its name."""
    z = signed_z(one)
    if bounds is None:
        return z, math.nan, "", math.nan, math.nan
    bound, share = bounds.z[-1], bounds.fractions[-1]
    crossed = "" if abs(z) < bound else "benefit" if z > 0 else "harm"
    if share >= 1 or not math.isfinite(one.error):
        return z, bound, crossed, math.nan, math.nan
    final = boundaries.bounds_of(design, (*bounds.fractions, 1.0)).z[-1]
    planned = design.decision.worth_having / one.error / math.sqrt(share)
    chances = (
        boundaries.conditional_power(z, share, bound=final, drift=d) for d in (None, planned)
    )
    return z, bound, crossed, *chances


def _number(experiment: Experiment, date: str) -> int:
    """Which planned look is due on `date`: the next not taken; 0 if none is."""
    planned = experiment.design.looks.dates
    if planned and date >= planned[-1]:
        raise DesignError(
            f"The final analysis was planned for {planned[-1]}: it is not a look but `analyse`."
        )
    number = len(experiment.looks) + 1
    return number if number < len(planned) and planned[number - 1] <= date else 0
