"""How large an experiment must be: curves of power and of the smallest effect it would find.

From formulas on what the past shows (`power_curve`), on people in clusters (`cluster_curve`) and on
stepped wedges (`wedge_curve`). All say plainly when a design cannot detect what it is for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.absent import Absent
from lsp_analysis.experiments.draw.methods import blocked_scheme
from lsp_analysis.experiments.power.formulas import cluster_power, power_t, smallest_effect
from lsp_analysis.experiments.power.past import Grid, Windows, windows
from lsp_analysis.experiments.power.stepped import Wedge, wedge_power
from lsp_analysis.showing import Axes, Shown

ALPHA = 0.05
FAIR = 0.8  # power that is called enough, by custom


@dataclass(frozen=True)
class PowerCurve(Shown):
    """Power of several designs for one effect.

    Attributes
    ----------
    points : DataFrame
        Columns ``x``, ``series``, ``power`` and ``smallest_effect`` (found four times in five).
    effect : str
        The effect to be found, in words.
    unit : str
        Unit of ``smallest_effect``: "share", or a unit code.
    """

    points: pd.DataFrame = field(repr=False)
    effect: str
    xlabel: str
    unit: str
    target: float = FAIR

    def summary_frame(self) -> pd.DataFrame:
        """One row per design."""
        return self.points

    def sentence(self) -> wording.Sentence:
        """What is needed, or that no design here can detect the effect."""
        enough = self.points[self.points["power"] >= self.target]
        if enough.empty:
            best = self.points.loc[self.points["power"].idxmax()]
            return wording.Sentence(
                f"None of these designs can detect {self.effect}: the best, with "
                f"{self._which(best)}, would miss it {_in_ten(1 - best['power'])}. "
                f"{self._smallest(best)}"
            )
        first = enough.loc[enough["x"].idxmin()]
        return wording.Sentence(
            f"To find {self.effect} at least {_in_ten(self.target)} takes "
            f"{self._which(first)}. {self._smallest(first)}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power against what can be chosen."""
        return figures.draw_power(
            self.points[["x", "power", "series"]], target=self.target, xlabel=self.xlabel, ax=ax
        )

    def _which(self, row: pd.Series) -> str:
        """A design in words: "16 clusters per arm (six steps)"."""
        name = f"{wording.number(row['x'])} {wording.inside(self.xlabel)}"
        if (self.points["series"] == row["series"]).all():
            return name
        return f"{name} ({wording.inside(row['series'])})"

    def _smallest(self, row: pd.Series) -> str:
        size = row["smallest_effect"]
        if wording.is_missing(size) or math.isinf(size):
            return "No effect of any size would be found that often."
        words = f"{size:.0%}" if self.unit == "share" else wording.quantity(size, self.unit)
        return f"The smallest effect it would find four times in five is {words}."


def power_curve(
    grid: Grid,
    *,
    effect: float,
    clusters: Sequence[int],
    before: int,
    after: int,
    relative: bool = True,
    unit: str = "",
) -> PowerCurve | Absent:
    """Power by clusters per arm of a two-arm experiment, for an outcome whose past is known.

    By Student's t at the largest level that the randomisation test can have with so few clusters.
    For a design of your own, with its blocks, arms and steps, see
    `power.registered.planned_power`.

    Parameters
    ----------
    grid : Grid
        The past; see `grid_of`.
    effect : float
        Share of the outcome (-0.2 is a fall by a fifth) or, if not `relative`, units of it.
    clusters : list of int
        Clusters per arm, of two arms.
    before, after : int
        Periods of baseline and follow-up.
    """
    if not grid:
        return grid
    past = windows(grid, before=before, after=after)
    rows = []
    for k in clusters:
        alpha = blocked_scheme(map(str, range(2 * k)), "ct").attainable_level(ALPHA)
        options = {"relative": relative, "alpha": alpha}
        power = parallel_power(past, effect, k, **options)
        rows.append((k, "Power", power, detectable(past, k, sign=effect, **options)))
    return _curve(rows, _effect_words(effect, relative, unit), unit="share" if relative else unit)


def parallel_power(
    past: Windows,
    effect: float,
    clusters_per_arm: int,
    *,
    relative: bool = True,
    alpha: float = 0.05,
) -> float:
    """Power of a two-arm experiment with the outcome before adjusted for, by Student's t.

    A relative effect makes the treated clusters' spread smaller, or larger, along with their level;
    it is larger where the level is, so that one slope on the outcome before fits neither arm; and
    chance decides which events it prevents, or adds.
    """
    size = abs(effect) * past.level if relative else abs(effect)
    variance = 2 * past.sd_left**2
    if relative:
        variance = past.sd_left**2 * (1 + (1 + effect) ** 2)
        variance += effect**2 / 2 * (past.sd_between**2 - past.sd_left**2)
        variance += past.per_event * (effect if effect > 0 else -effect * (1 + effect))
    error = math.sqrt(variance / clusters_per_arm)
    df = 2 * clusters_per_arm - 3
    if df < 1 or error == 0 or alpha == 0:
        return 0.0
    return power_t(size / error, df, alpha=alpha)


def detectable(
    past: Windows,
    clusters_per_arm: int,
    *,
    sign: float = -1.0,
    relative: bool = True,
    alpha: float = 0.05,
    target: float = FAIR,
) -> float:
    """Size of the smallest effect found with power `target`; infinite if none can be.

    A fall cannot be by more than all there is.
    """
    side = math.copysign(1.0, sign)
    largest = 0.999 if relative and side < 0 else 1e6

    def power(size: float) -> float:
        return parallel_power(past, side * size, clusters_per_arm, relative=relative, alpha=alpha)

    return smallest_effect(power, power=target, largest=largest)


def cluster_curve(
    effect: float,
    *,
    sd: float,
    clusters: Sequence[int],
    m: Sequence[float],
    icc: Sequence[float],
    cv: float = 0.0,
    unit: str = "",
) -> PowerCurve:
    """Power by clusters per arm, one series for each cluster size and intracluster correlation.

    Parameters
    ----------
    effect, sd : float
        Difference between arms and standard deviation between people, in one unit.
    clusters, m, icc : list of numbers
        Clusters per arm, people per cluster, intracluster correlations.
    cv : float
        Standard deviation of cluster sizes over their mean.
    """
    rows = []
    for size in m:
        for likeness in icc:
            known = {"sd": sd, "m": size, "icc": likeness, "cv": cv}
            series = f"{wording.number(size)} people, correlation {likeness:g}"
            for k in clusters:
                power = cluster_power(effect, clusters=k, **known)
                smallest = smallest_effect(
                    lambda d, k=k, known=known: cluster_power(d, clusters=k, **known), power=FAIR
                )
                rows.append((k, series, power, smallest))
    return _curve(rows, _effect_words(effect, False, unit), unit=unit)


def wedge_curve(
    past: Windows,
    designs: Sequence[Wedge],
    *,
    effect: float,
    autocorrelation: float = 1.0,
) -> PowerCurve | Absent:
    """Power of stepped wedges by number of clusters, one series per number of steps.

    Parameters
    ----------
    past : Windows
        Of stretches as long as one period of the wedge: clusters differ by ``sd_between``, and
        from period to period by ``sd_left``.
    designs : list of Wedge
    effect : float
        Share of the past level: -0.2 is a fall by a fifth.
    autocorrelation : float
        As for `wedge_power`.
    """
    if not past:
        return past
    known = {"sigma": past.sd_left, "tau": past.sd_between, "n": 1}
    rows = []
    for design in designs:

        def formula(share: float, design: Wedge = design) -> float:
            size = share * past.level
            return wedge_power(size, design, autocorrelation=autocorrelation, **known)

        steps = wording.counted(len(design.clusters_per_step), "step").capitalize()
        smallest = smallest_effect(formula, power=FAIR)
        rows.append((design.n_clusters, steps, formula(effect), smallest))
    return _curve(rows, _effect_words(effect, True, ""), unit="share", xlabel="Clusters")


def _curve(
    rows: list[tuple], effect: str, *, unit: str, xlabel: str = "Clusters per arm"
) -> PowerCurve:
    """A curve from rows of x, series, power and smallest effect."""
    points = pd.DataFrame(rows, columns=["x", "series", "power", "smallest_effect"])
    return PowerCurve(points, effect, xlabel, unit)


def _effect_words(effect: float, relative: bool, unit: str) -> str:
    """The effect as it stands in a sentence."""
    way = "a rise of" if effect > 0 else "a fall of"
    size = f"{abs(effect):.0%}" if relative else wording.quantity(abs(effect), unit)
    return f"{way} {size}"


def _in_ten(share: float) -> str:
    """A chance as people say it."""
    tenths = round(10 * share)
    if tenths == 0:
        return "hardly ever"
    return "almost always" if tenths == 10 else f"{wording.times(tenths)} in ten"
