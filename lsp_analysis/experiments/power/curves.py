"""How large an experiment must be: curves of power and of the smallest effect it would find.

From formulas on what the past shows (`power_curve`), on people in clusters (`cluster_curve`) and on
stepped wedges (`wedge_curve`). All say plainly when a design cannot detect what it is for.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.absent import Absent
from lsp_analysis.experiments.draw.methods import blocked_scheme
from lsp_analysis.experiments.power import formulas
from lsp_analysis.experiments.power.past import Grid, Windows, windows
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

    def summary_frame(self) -> pd.DataFrame:
        """One row per design."""
        return self.points

    def sentence(self) -> wording.Sentence:
        """What is needed, or that no design here can detect the effect."""
        enough = self.points[self.points["power"] >= FAIR]
        if enough.empty:
            row = self.points.loc[self.points["power"].idxmax()]
            said = (
                f"None of these designs can detect {self.effect}: the best, with "
                f"{self._which(row)}, would miss it {_in_ten(1 - row['power'])}."
            )
        else:
            row = enough.loc[enough["x"].idxmin()]
            said = f"To find {self.effect} at least {_in_ten(FAIR)} takes {self._which(row)}."
        return wording.Sentence(f"{said} {self._smallest(row)}")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power against what can be chosen."""
        return figures.draw_power(
            self.points[["x", "power", "series"]], target=FAIR, xlabel=self.xlabel, ax=ax
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
    grid: Grid | Absent, *, effect: float, clusters: Sequence[int], before: int, after: int
) -> PowerCurve | Absent:
    """Power by clusters per arm of a two-arm experiment, for an outcome whose past is known.

    By Student's t at the largest level that the randomisation test can have with so few clusters.
    For a design of your own, with its blocks, arms and steps, see `plan`.

    Parameters
    ----------
    grid : Grid
        The past; see `past_of`.
    effect : float
        Share of the outcome: -0.2 is a fall by a fifth.
    clusters : list of int
        Clusters per arm, of two arms.
    before, after : int
        Periods of baseline and follow-up.
    """
    if not grid:
        return grid
    past, side = windows(grid, before=before, after=after), math.copysign(1.0, effect)
    designs = []
    for k in clusters:
        alpha = blocked_scheme(map(str, range(2 * k)), "ct").attainable_level(ALPHA)
        power = partial(parallel_power, past=past, clusters_per_arm=k, alpha=alpha)
        designs.append((k, "Power", lambda size, power=power: power(side * size)))
    largest = 0.999 if effect < 0 else 1e6  # a fall cannot be by more than all there is
    return _curve(designs, effect, unit="share", largest=largest)


def parallel_power(
    effect: float, past: Windows, clusters_per_arm: int, *, alpha: float = ALPHA
) -> float:
    """Power of a two-arm experiment with the outcome before adjusted for, by Student's t.

    An `effect` is a share of the level. It makes the treated clusters' spread smaller, or larger,
    along with their level; it is larger where the level is, so that one slope on the outcome before
    fits neither arm; and chance decides which events it prevents, or adds.
    """
    variance = past.sd_left**2 * (1 + (1 + effect) ** 2)
    variance += effect**2 / 2 * (past.sd_between**2 - past.sd_left**2)
    variance += past.per_event * (effect if effect > 0 else -effect * (1 + effect))
    error = math.sqrt(variance / clusters_per_arm)
    df = 2 * clusters_per_arm - 3
    if df < 1 or error == 0 or alpha == 0:
        return 0.0
    return formulas.power_t(abs(effect) * past.level / error, df, alpha=alpha)


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
    designs = []
    for size, likeness, k in product(m, icc, clusters):
        series = f"{wording.number(size)} people, correlation {likeness:g}"
        power = partial(formulas.cluster_power, sd=sd, clusters=k, m=size, icc=likeness, cv=cv)
        designs.append((k, series, power))
    return _curve(designs, effect, unit=unit)


def wedge_curve(
    past: Windows | Absent, designs: Sequence[formulas.Wedge], *, effect: float
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
    """
    if not past:
        return past
    known = {"sigma": past.sd_left, "tau": past.sd_between, "n": 1}
    found = []
    for one in designs:
        power = partial(formulas.wedge_power, design=one, **known)
        steps = wording.counted(len(one.clusters_per_step), "step").capitalize()
        found.append((one.n_clusters, steps, lambda share, power=power: power(share * past.level)))
    return _curve(found, effect, unit="share", xlabel="Clusters")


def _curve(
    designs: Iterable[tuple[int, str, Callable[[float], float]]],
    effect: float,
    *,
    unit: str,
    xlabel: str = "Clusters per arm",
    largest: float = 1e6,
) -> PowerCurve:
    """The curve of designs, each an x, a series and the power by size of the effect."""
    rows = []
    for x, series, power in designs:
        smallest = formulas.smallest_effect(power, power=FAIR, largest=largest)
        rows.append((x, series, power(abs(effect)), smallest))
    points = pd.DataFrame(rows, columns=["x", "series", "power", "smallest_effect"])
    way = "a rise of" if effect > 0 else "a fall of"
    size = abs(effect)
    words = f"{size:.0%}" if unit == "share" else wording.quantity(size, unit)
    return PowerCurve(points, f"{way} {words}", xlabel, unit)


def _in_ten(share: float) -> str:
    """A chance as people say it."""
    tenths = round(10 * share)
    if tenths == 0:
        return "hardly ever"
    return "almost always" if tenths == 10 else f"{wording.times(tenths)} in ten"
