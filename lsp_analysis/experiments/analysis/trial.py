"""A trial as it is analysed: design, scheme, draw and outcomes, and the values of its units."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError, did_you_mean
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.design import Comparison, Design, Outcome
from lsp_analysis.experiments.protocol.unit_list import read_typed
from lsp_analysis.experiments.record.folder import Experiment, positions

RECEIVED = "received"
RECORD = ("amendments", "deviations", "head", "crossed", "looks")  # of an experiment


@dataclass(frozen=True)
class Trial:
    """Everything an analysis needs; made by `make_trial`, or by hand in a simulation.

    Attributes
    ----------
    units : DataFrame, one row per unit in the order of ``scheme.units``
    drawn : array of int, one per unit
        Position of each unit's arm in ``scheme.arms``.
    rows : DataFrame
        Outcomes: column ``unit``, in a wedge ``period``, and the columns the design names; a row
        per unit, or per person of a unit.
    head : str
        Hash of the register's last line when it was analysed.
    crossed : dict
        Arms that crossed a bound at a look on record: "benefit" or "harm".
    looks : tuple of float
        Information at each planned look on record.
    n_analyses : int
        Analyses on record, of different outcomes, with this one.
    """

    design: Design
    units: pd.DataFrame = field(repr=False)
    scheme: Scheme = field(repr=False)
    drawn: np.ndarray = field(repr=False)
    rows: pd.DataFrame = field(repr=False)
    amendments: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    deviations: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    head: str = ""
    crossed: dict[str, str] = field(default_factory=dict)
    looks: tuple[float, ...] = ()
    n_analyses: int = 0

    @property
    def arm_of_unit(self) -> pd.Series:
        """Name of each unit's arm, by unit."""
        names = [self.scheme.arms[number] for number in self.drawn]
        return pd.Series(names, index=pd.Index(self.scheme.units, name="unit"), name="arm")

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """Position of each row's unit among the units."""
        return pd.Index(self.scheme.units).get_indexer(rows["unit"])

    def compared(self, one: Comparison, rows: pd.DataFrame) -> np.ndarray:
        """Whether each row's unit is one of those that `one` compares."""
        return self.scheme.group_of(self.drawn, one.groups)[self.places(rows)] >= 0

    def treated(self, one: Comparison, rows: pd.DataFrame) -> np.ndarray:
        """Whether the programme was to be there: by the arm drawn, in a wedge from its step on."""
        arm = self.drawn[self.places(rows)]
        if not self.design.is_wedge:
            return np.isin(arm, one.treated)
        return pd.Index(self.design.randomisation.periods).get_indexer(rows["period"]) > arm


def make_trial(experiment: Experiment, file: Path) -> Trial:
    """A trial from a registered experiment whose units are drawn, and a file of outcomes.

    The digest of the file is ``rows.attrs["sha256"]``.

    Raises
    ------
    DesignError
        Nothing is drawn, anything on record was altered, or the outcomes are not of these units.
    """
    design, scheme, how = experiment.design, experiment.scheme, experiment.design.randomisation
    numbers = {name for one in design.outcomes() for name in (one.name, one.denominator)}
    if not file.is_file():
        raise DesignError(f"There is no outcomes file {file}. Check the path.")
    names = {"unit", "period", how.unit, how.cluster}
    rows = read_typed(file, names=names, numbers={RECEIVED, *numbers})
    units = experiment.units.set_index("unit").loc[list(scheme.units)].reset_index()
    checked = check_rows(rows, design, scheme)
    checked.attrs = rows.attrs
    record = {name: getattr(experiment, name) for name in RECORD}
    record["n_analyses"] = len({*experiment.opened, rows.attrs["sha256"]})
    drawn = positions(scheme, experiment.allocation)
    return Trial(design, units, scheme, drawn, checked, **record)


def check_rows(rows: pd.DataFrame, design: Design, scheme: Scheme) -> pd.DataFrame:
    """The rows with the unit in a column ``unit``; DesignError if they do not fit the design."""
    how = design.randomisation
    named = next((c for c in ("unit", how.cluster, how.unit) if c and c in rows), None)
    wanted = [name for one in design.outcomes() for name in (one.name, one.denominator) if name]
    wanted += design.cell[1:]
    lacking = [name for name in dict.fromkeys(wanted) if name not in rows]
    if named is None or lacking:
        missing = wording.and_list(lacking or [f"unit or {how.unit}"])
        raise DesignError(
            f"The outcomes have no column {missing}, which the design names."
            f"{did_you_mean((lacking or ['unit'])[0], map(str, rows.columns))}"
        )
    rows = rows.rename(columns={named: "unit"})
    by = design.cell
    if rows[by].isna().to_numpy().any():
        raise DesignError(f"A row of the outcomes has no {' or no '.join(by)}. Fill it in.")
    rows = rows.astype({"unit": "str"})
    if strangers := sorted(set(rows["unit"]) - set(scheme.units)):
        raise DesignError(
            f"The outcomes have {wording.counted(len(strangers), 'unit')} that were never drawn, "
            f"first {strangers[0]}. Take them out, or correct their names."
        )
    strange = set(rows["period"].astype("str")) - set(how.periods) if design.is_wedge else ()
    if strange:
        raise DesignError(
            f'The outcomes have a period "{min(strange)}" that the design does not name. Its '
            f"periods are {wording.and_list(how.periods)}."
        )
    for outcome in design.outcomes():
        if outcome.denominator:
            _check_counts(rows, outcome)
    counts = rows.groupby(by).size()  # several rows are people, if most units have several
    twice = counts[counts > 1]
    if len(twice) and (counts == 1).mean() > 0.5:
        name = twice.index[0] if len(by) == 1 else " in period ".join(map(str, twice.index[0]))
        raise DesignError(
            f"{name} has {twice.iloc[0]} rows of outcomes where most have one. Add them up, or "
            "keep one."
        )
    return rows


def row_values(trial: Trial, outcome: Outcome, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows' outcome as numbers: count, base (both zero where unknown), ``known`` and value.

    The base is the denominator, or 1. The unit (and period) of each row is there as well.
    """
    rows = trial.rows if rows is None else rows
    count = pd.to_numeric(rows[outcome.name])
    base = pd.to_numeric(rows[outcome.denominator]) if outcome.denominator else count * 0 + 1.0
    known = count.notna() & (base > 0)
    value = (outcome.factor * count / base).where(known)
    count, base = count.where(known, 0), base.where(known, 0)
    return rows[trial.design.cell].assign(count=count, base=base, known=known, value=value)


def unit_values(
    trial: Trial, outcome: Outcome, *, rows: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One value per unit (wedge: and period): ratio of sums, or mean of what is known.

    Returns
    -------
    DataFrame indexed by the design's cells: ``value``; ``size`` (sum of denominators, or people
    with a value); ``rows``, ``known`` (rows there are, and rows with a value). Units without any
    row are there, with a missing value.
    """
    by, index = trial.design.cell, pd.Index(trial.scheme.units, name="unit")
    if len(by) > 1:
        periods = trial.design.randomisation.periods
        index = pd.MultiIndex.from_product([index, periods], names=by)
    table = row_values(trial, outcome, rows).assign(rows=1)
    sums = table.groupby(by)[["count", "base", "rows", "known"]].sum().reindex(index)
    value = outcome.factor * sums["count"] / sums["base"].where(sums["base"] > 0)
    filled = sums[["base", "rows", "known"]].fillna(0).rename(columns={"base": "size"})
    return pd.DataFrame({"value": value}).join(filled).astype({"rows": int, "known": int})


def dummies(groups: np.ndarray, used: np.ndarray) -> np.ndarray:
    """A column per group but the first that is among those `used`, a mask or positions."""
    kinds = np.unique(groups[used])
    return (groups[:, None] == kinds[None, 1:]).astype(float)


def _check_counts(rows: pd.DataFrame, outcome: Outcome) -> None:
    """Counts are not negative, and a part is not more than its whole."""
    count, base = rows[outcome.name], rows[outcome.denominator]
    strange = (count < 0) | (base < 0)
    if outcome.unit == "percent":
        strange |= count > base
    if strange.any():
        first = rows[strange].iloc[0]
        raise DesignError(
            f"{first['unit']} has {first[outcome.name]:g} {outcome.name} of "
            f"{first[outcome.denominator]:g} {outcome.denominator}, which cannot be. Correct it."
        )
