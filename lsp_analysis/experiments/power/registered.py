"""What the registered test itself can find: power, smallest effect and size, by simulation."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.experiments.analysis import comparison
from lsp_analysis.experiments.analysis.boundaries import family_size, final_alpha
from lsp_analysis.experiments.analysis.trial import Trial
from lsp_analysis.experiments.draw.methods import scheme_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.protocol.reading import read_design
from lsp_analysis.experiments.protocol.unit_list import covariate_table, read_units
from lsp_analysis.showing import Shown

UNEVEN = 8  # units an arm from which a test holds where effects vary, or with arms of equal size
SIMS = 2_000
COLUMNS = ["comparison", "label", "level", "attainable", "finest_p", "power"]
COLUMNS += ["smallest_effect", "uneven", "size_varying"]
FEW_DRAWS = 999  # allocations that stand for more than twenty times as many


@dataclass(frozen=True)
class PlannedPower(Shown):
    """What each registered test can do with the units that there are, all outcomes being known.

    Attributes
    ----------
    table : DataFrame, one row per comparison
        ``comparison``, ``label``; ``attainable`` (largest size the test can have), ``finest_p``;
        ``power`` for the smallest effect worth having, ``smallest_effect`` (found four times in
        five; infinite if none is), missing where no standard deviation is known; ``size_varying``
        (false positive rate where effects vary as much as outcomes do and their mean is zero).
    sd : float
        Standard deviation that power rests on; NaN if none is known.
    sd_source : str
    """

    table: pd.DataFrame = field(repr=False)
    design: Design = field(repr=False)
    sd: float
    sd_source: str

    def summary_frame(self) -> pd.DataFrame:
        """One row per comparison, without the marks of uneven arms."""
        return self.table.drop(columns=["comparison", "uneven", "size_varying"])

    def lines(self) -> list[str]:
        """What to print with the design, a sentence or two per comparison."""
        unit, worth = self.design.outcome.unit, self.design.decision.worth_having
        said = []
        for row in self.table.itertuples():
            told = (
                f"{row.label}: the test is at {row.level:.1%}; its smallest p-value is "
                f"{row.finest_p:.2g}"
            )
            if row.attainable == 0:
                told += ", so it can never find an effect, however large."
            elif math.isnan(row.power):
                told += "; power cannot be told, because no standard deviation is known."
            else:
                smallest = "no effect of any size is found"
                if not math.isinf(row.smallest_effect):
                    smallest = wording.quantity(row.smallest_effect, unit)
                told += (
                    f". It finds {wording.quantity(worth, unit)}, the smallest effect worth having,"
                    f" in {row.power:.0%} of experiments; {smallest} four times in five."
                )
            if row.uneven:
                told += (
                    " Arms are uneven and small: where effects vary as much as outcomes and their "
                    f"mean is zero, it finds an effect in {row.size_varying:.1%} of experiments."
                )
            said.append(told)
        if not math.isnan(self.sd):
            sd = wording.quantity(self.sd, unit)
            said.append(f"Power rests on a standard deviation of {sd} ({self.sd_source}).")
        return said

    def sentence(self) -> wording.Sentence:
        """All lines as one text."""
        return wording.Sentence(" ".join(self.lines()))


def plan(folder: str | Path) -> PlannedPower:
    """What the tests of the design in `folder` can do, registered or not; nothing is recorded."""
    design = read_design(folder)
    units = read_units(Path(folder) / design.randomisation.units, design)
    return planned_power(design, units, scheme_of(design, units, key="plan"))


def planned_power(design: Design, units: pd.DataFrame, scheme: Scheme) -> PlannedPower:
    """Simulate the registered tests on the units as they are, with `simulated_power`."""
    sd, source = planned_sd(design, units)
    design = replace(design, analysis=replace(design.analysis, draws=FEW_DRAWS))
    trial = Trial(design, units, scheme, scheme.draw("example"), pd.DataFrame())
    level = (1 - design.analysis.level) / family_size(design)  # where nothing else is found
    if design.looks.boundary != "none":
        level = final_alpha(design)
    rows = []
    for one in design.comparisons():
        used = scheme.group_of(trial.drawn, one.groups) >= 0  # as if every outcome were known
        used = np.repeat(used, len(design.randomisation.periods) if design.is_wedge else 1)
        values = pd.DataFrame({"used": used, "weight": used.astype(float)})
        test, _ = comparison.registered_test(trial, design.outcome, one, values)
        reach = scheme.given(trial.drawn, one.groups)
        power = smallest = varying = math.nan
        if not math.isnan(sd):
            worth = design.decision.worth_having
            power = comparison.simulated_power(test, worth, sd, level=1 - level, sims=SIMS)
            smallest = comparison.smallest_found(test, sd, level=1 - level)
        sizes = np.bincount(trial.drawn, minlength=len(scheme.arms))
        compared = [sizes[arm] for group in one.groups for arm in group]
        uneven = not design.is_wedge and len(set(compared)) > 1 and min(compared) < UNEVEN
        if uneven:
            varying = comparison.simulated_power(
                test, 0.0, 1.0, level=1 - level, varying=1.0, sims=SIMS
            )
        able = reach.attainable_level(level), reach.finest_p
        rows.append((one.name, one.label, level, *able, power, smallest, uneven, varying))
    return PlannedPower(pd.DataFrame(rows, columns=COLUMNS), design, sd, source)


def planned_sd(design: Design, units: pd.DataFrame) -> tuple[float, str]:
    """Standard deviation of unit values once adjusted: as planned, or that of the outcome before.

    The latter is over all units: within blocks or pairs that were made alike in the outcome before
    it is small, and that of the outcome after is not.
    """
    if design.planning.sd > 0:
        return design.planning.sd, design.planning.source or "as planned"
    if not design.outcome.baseline or design.is_wedge:
        return math.nan, ""
    values, _ = covariate_table(units, design.outcome, [])
    source = "that of the outcome before, over all units; blocks and adjusting make power larger"
    return float(values[:, 0].std(ddof=1)), source
