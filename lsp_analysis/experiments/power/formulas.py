"""Power by formula: clusters of unequal size in two arms, and stepped wedges; curves of power and
of the smallest effect found, which say plainly when a design cannot detect what it is for.
All tests are two-sided.

With few clusters a normal approximation promises too much power, so clusters are judged by
Student's t with as many degrees of freedom as clusters leave; the normal version is an option,
for comparison with published numbers.

In a stepped wedge every cluster gets the programme, in a random order of starts. Its power is after
Hussey and Hughes (2007): outcomes have a mean per period, a random level per cluster that stays,
and sampling error; the effect is estimated by generalised least squares on cluster-period means. A
correlation between periods that decays to a constant (the cluster autocorrelation of Hooper and
others 2016) is an option.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import nct, norm, t

from lsp_analysis import figures, wording
from lsp_analysis.errors import DesignError, ParameterError
from lsp_analysis.experiments.draw.methods import blocked_scheme
from lsp_analysis.experiments.power.past import Grid, Windows, windows
from lsp_analysis.showing import Absent, Axes, Shown


def sample_size(p1: float, p2: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """People per group to tell two proportions apart where people themselves are drawn.

    Parameters
    ----------
    p1, p2 : float between 0 and 1
        The two proportions.
    power, alpha : float between 0 and 1
        Probability of finding the difference, and two-sided level of the test.

    Returns
    -------
    float
        Not rounded up. By the normal approximation with the pooled variance under no difference
        (Fleiss, Levin and Paik 2003, section 4.2), as R's ``power.prop.test`` has it.

    Raises
    ------
    ParameterError
        A share is not between 0 and 1, or the two are equal.
    """
    for name, share in {"p1": p1, "p2": p2, "power": power, "alpha": alpha}.items():
        if not 0 < share < 1:
            raise ParameterError(f"{name} is {share!r}, and lies between 0 and 1.")
    if p1 == p2:
        raise ParameterError("The two proportions are equal: there is no difference to find.")
    middle = (p1 + p2) / 2
    apart = norm.isf(alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    seen = norm.ppf(power) * math.sqrt(p1 * (1 - p1) + p2 * (1 - p2))
    return float(((apart + seen) / (p1 - p2)) ** 2)


def design_effect(m: float, icc: float, cv: float = 0.0) -> float:
    """How many times more people clusters need than people drawn one by one.

    Parameters
    ----------
    m : float
        Mean number of people per cluster.
    icc : float
        Intracluster correlation.
    cv : float
        Standard deviation of cluster sizes over their mean (Eldridge, Ashby and Kerry 2006).
    """
    return 1 + ((1 + cv**2) * m - 1) * icc


def power_t(signal: float, df: float, *, alpha: float = 0.05) -> float:
    """Power of a t-test whose statistic has noncentrality `signal`, on the side of the effect."""
    return float(nct.sf(t.isf(alpha / 2, df), df, signal))


def power_z(signal: float, *, alpha: float = 0.05) -> float:
    """Power of a Wald test whose statistic has mean `signal` and standard deviation 1."""
    bound = norm.isf(alpha / 2)
    return float(norm.sf(bound - abs(signal)) + norm.cdf(-bound - abs(signal)))


def cluster_power(
    effect: float,
    *,
    sd: float,
    clusters: float,
    m: float,
    icc: float,
    cv: float = 0.0,
    alpha: float = 0.05,
    normal: bool = False,
) -> float:
    """Power of a parallel experiment with clusters, for a difference in means.

    Parameters
    ----------
    effect : float
        Difference between arms, in the units of `sd`.
    sd : float
        Standard deviation between people; ``sqrt(p (1 - p))`` for a proportion.
    clusters : float
        Clusters per arm.
    m, icc, cv : float
        As for `design_effect`.
    normal : bool
        Whether to use the normal in place of t with two degrees of freedom fewer than clusters.
    """
    for name, value in {"icc": icc, "alpha": alpha}.items():
        if not 0 <= value <= 1:
            raise ParameterError(f"{name} is {value}. Give a share from 0 to 1.")
    error = sd * math.sqrt(design_effect(m, icc, cv) / m * 2 / clusters)
    if error == 0:
        return 1.0 if effect else alpha
    if normal:
        return power_z(effect / error, alpha=alpha)
    df = 2 * clusters - 2
    return power_t(abs(effect) / error, df, alpha=alpha) if df >= 1 else 0.0


def smallest_effect(
    power_of: Callable[[float], float], *, power: float = 0.8, largest: float = 1e6
) -> float:
    """The effect at which `power_of` reaches `power`; infinite if none up to `largest` does."""
    if power_of(largest) < power:
        return math.inf
    if power_of(0.0) >= power:  # the level alone is as high
        return 0.0
    high = 1e-9
    while power_of(high) < power:  # power rises with the effect
        high *= 2
    found = brentq(lambda x: power_of(x) - power, 0.0, min(high, largest), xtol=1e-10, rtol=1e-12)
    return float(found)


@dataclass(frozen=True)
class Wedge:
    """A stepped wedge before it is randomised.

    Attributes
    ----------
    clusters_per_step : tuple of int
        Clusters that start at each step, the first step being in the second period.
    n_periods : int
        Periods; one more than steps unless periods are added at the end.
    """

    clusters_per_step: tuple[int, ...]
    n_periods: int

    @property
    def treated(self) -> np.ndarray:
        """Clusters x periods: whether the programme is there."""
        starts = np.repeat(np.arange(1, len(self.clusters_per_step) + 1), self.clusters_per_step)
        return np.arange(self.n_periods) >= starts[:, None]

    @property
    def n_clusters(self) -> int:
        """Clusters in all."""
        return int(sum(self.clusters_per_step))

    def frame(self, periods: Sequence[str], units: Sequence[str] = ()) -> pd.DataFrame:
        """Columns ``cluster``, ``period``, ``treated``, for `figures.draw_wedge`."""
        names = list(units) or [f"Cluster {n}" for n in range(1, self.n_clusters + 1)]
        index = pd.MultiIndex.from_product([names, periods], names=["cluster", "period"])
        return pd.Series(self.treated.ravel(), index, name="treated").reset_index()


def wedge(clusters_per_step: Sequence[int], n_periods: int | None = None) -> Wedge:
    """A wedge with these clusters starting at each step.

    Raises
    ------
    DesignError
        Clusters start at fewer than two steps, or there are too few periods for the steps.
    """
    steps = tuple(int(n) for n in clusters_per_step)
    periods = len(steps) + 1 if n_periods is None else n_periods
    if min(steps, default=0) < 0 or sum(n > 0 for n in steps) < 2 or periods <= len(steps):
        raise DesignError(
            f"A wedge with steps {list(steps)} in {periods} periods cannot be analysed. Clusters "
            "must start at two steps or more, and there must be more periods than steps."
        )
    return Wedge(steps, periods)


def wedge_variance(
    design: Wedge, *, sigma2: float, tau2: float, autocorrelation: float = 1.0
) -> float:
    """Variance of the effect when variances are known.

    Parameters
    ----------
    sigma2 : float
        Sampling variance of one cluster-period mean (between people, over people per mean).
    tau2 : float
        Variance between clusters within a period.
    autocorrelation : float from 0 to 1
        Share of `tau2` that stays with a cluster from period to period (1: Hussey and Hughes).
    """
    treated = design.treated.astype(float)
    stays, passes = tau2 * autocorrelation, tau2 * (1 - autocorrelation)
    within = sigma2 + passes
    # what least squares takes of a cluster's mean from its periods, and what is then left of the
    # exposure cleared of periods
    taken = design.n_periods * (1 - within / (within + design.n_periods * stays))
    centred = treated - treated.mean(axis=0)
    left = (centred**2).sum() - taken * (centred.mean(axis=1) ** 2).sum()
    return float(within / left)


def wedge_power(
    effect: float,
    design: Wedge,
    *,
    sigma: float,
    tau: float,
    n: float,
    autocorrelation: float = 1.0,
    alpha: float = 0.05,
    normal: bool = False,
) -> float:
    """Power of a stepped wedge, people being new in each period.

    Parameters
    ----------
    effect : float
        Difference that the programme makes to a mean.
    sigma : float
        Standard deviation between people; for a proportion ``sqrt(p (1 - p))`` at its middle.
    tau : float
        Standard deviation between clusters.
    n : float
        People per cluster and period.
    normal : bool
        Wald test with the normal, as Hussey and Hughes have it; otherwise Student's t with two
        degrees of freedom fewer than clusters, which is safe with few of them.
    """
    variance = wedge_variance(
        design, sigma2=sigma**2 / n, tau2=tau**2, autocorrelation=autocorrelation
    )
    signal = abs(effect) / math.sqrt(variance)
    if normal:
        return power_z(signal, alpha=alpha)
    return power_t(signal, design.n_clusters - 2, alpha=alpha)


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
    return power_t(abs(effect) * past.level / error, df, alpha=alpha)


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
        power = partial(cluster_power, sd=sd, clusters=k, m=size, icc=likeness, cv=cv)
        designs.append((k, series, power))
    return _curve(designs, effect, unit=unit)


def wedge_curve(
    past: Windows | Absent, designs: Sequence[Wedge], *, effect: float
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
        power = partial(wedge_power, design=one, **known)
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
        smallest = smallest_effect(power, power=FAIR, largest=largest)
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
