"""Do high values lie next to high values, and how unevenly do two groups of people live?

Moran's I over areas that share a boundary, on sparse row-standardised weights, is checked against
esda, which is not needed.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.special import erfc

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.showing import Axes, Shown, View
from lsp_analysis.standing.comparison.baseline import last_known, period_words
from lsp_analysis.standing.comparison.intervals import as_parts
from lsp_analysis.standing.place.brief import REST, AreaBrief

SURPRISING = 0.05
QUADRANTS = {
    1: "high among high",
    2: "low among high",
    3: "low among low",
    4: "high among low",
}


@dataclass(frozen=True)
class Moran(Shown):
    """Likeness of neighbours over a whole map, and area by area."""

    value: float
    expected: float
    variance: float
    z: float
    p_value: float  # two-sided, normal approximation
    p_permuted: float  # two-sided, over permutations; missing without them
    n_areas: int
    n_islands: int
    local: pd.DataFrame = field(repr=False, compare=False)
    permuted: np.ndarray = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row: Moran's I with its expectation, variance and p-values."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return pd.DataFrame([row]).drop(columns=["local", "permuted"])

    def sentence(self) -> wording.Sentence:
        """Whether neighbours are alike, and how surely."""
        p_value = self.p_value if np.isnan(self.p_permuted) else self.p_permuted
        alike = "more alike" if self.value > self.expected else "less alike"
        if p_value > SURPRISING:
            alike = f"no {alike}"
        text = (
            f"Neighbouring areas are {alike} than by chance (Moran's I "
            f"{wording.number(self.value, 2)}, {wording.p_value(p_value)}, "
            f"{wording.counted(self.n_areas, 'area')})."
        )
        if self.n_islands:
            have = "has" if self.n_islands == 1 else "have"
            text += f" {wording.of_total(self.n_islands, self.n_areas)} {have} no neighbours."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw Moran's I against what it would be if values were dealt out at random."""
        if not len(self.permuted):
            raise ParameterError("There is nothing to draw: ask for permutations, for example 999.")
        return figures.draw_distribution(
            self.permuted,
            observed=self.value,
            unit="Moran's I",
            label="Values dealt out at random",
            ax=ax,
        )


def moran(
    values: pd.Series, neighbours: pd.DataFrame, *, permutations: int = 999, seed: int = 0
) -> Moran:
    """Global and local Moran's I.

    Parameters
    ----------
    values : Series indexed by area code
        Areas without a value are left out, with their boundaries.
    neighbours : DataFrame, one row per pair, both ways round
        ``area_code``, ``neighbour_code``. Each area's neighbours weigh the same and add up to 1.
    permutations : int
        Times the values are dealt out again for p-values; 0 for none. A local p-value keeps the
        area's own value in place.
    seed : int

    Returns
    -------
    Moran
        ``local`` has one row per area: ``local_i``, ``quadrant`` (1 to 4), ``pattern`` and
        ``p_value``, one-sided as in esda.

    Raises
    ------
    PanelError
        Fewer than three areas have values, all are equal, or none has a neighbour.
    """
    known = values.dropna()
    if len(known) < 3 or known.nunique() < 2:
        raise PanelError(
            f"{len(known)} areas have a value, {known.nunique()} of them distinct. Moran's I needs "
            "three areas or more that differ."
        )
    weights = _weights(known.index, neighbours)
    z = ((known - known.mean()) / known.std(ddof=0)).to_numpy(float)
    lag = weights @ z
    total = weights.sum()
    if total == 0:
        raise PanelError("No two areas with a value are neighbours: check both tables' codes.")
    n = len(z)
    value = n / total * (z @ lag) / (z @ z)
    expected = -1 / (n - 1)
    variance = _variance(weights, n, total, expected)
    score = (value - expected) / np.sqrt(variance)
    rng = np.random.default_rng(seed)
    dealt = (rng.permutation(z) for _ in range(permutations))
    permuted = np.array([n / total * (one @ (weights @ one)) / (z @ z) for one in dealt])
    number = np.diff(weights.indptr)
    quadrant = np.where(z > 0, np.where(lag > 0, 1, 4), np.where(lag > 0, 2, 3))
    local = {
        "area_code": known.index,
        "local_i": (n - 1) * z * lag / (z @ z),
        "quadrant": quadrant,
        "pattern": [QUADRANTS[place] for place in quadrant],
        "p_value": _local_p(z, lag, number, permutations, rng),
    }
    return Moran(
        float(value),
        expected,
        float(variance),
        float(score),
        float(erfc(abs(score) / np.sqrt(2))),
        _two_sided(permuted, value),
        n,
        int((number == 0).sum()),
        pd.DataFrame(local),
        permuted,
    )


def _weights(codes: pd.Index, neighbours: pd.DataFrame) -> csr_array:
    """Row-standardised weights among the areas that have values."""
    pairs = neighbours.drop_duplicates(["area_code", "neighbour_code"])
    own = codes.get_indexer(pairs["area_code"])
    other = codes.get_indexer(pairs["neighbour_code"])
    inside = (own >= 0) & (other >= 0) & (own != other)
    own, other = own[inside], other[inside]
    number = np.bincount(own, minlength=len(codes))
    return csr_array((1.0 / number[own], (own, other)), shape=(len(codes), len(codes)))


def _variance(weights: csr_array, n: int, total: float, expected: float) -> float:
    """Variance of Moran's I if values were normal (Cliff and Ord 1981, page 21)."""
    both = weights + weights.T
    s1 = 0.5 * (both.multiply(both)).sum()
    s2 = ((weights.sum(axis=1) + weights.sum(axis=0)) ** 2).sum()
    top = n**2 * s1 - n * s2 + 3 * total**2
    return top / ((n**2 - 1) * total**2) - expected**2


def _two_sided(permuted: np.ndarray, value: float) -> float:
    if not len(permuted):
        return np.nan
    beyond = min(np.count_nonzero(permuted >= value), np.count_nonzero(permuted <= value))
    return min(1.0, 2 * (beyond + 1) / (len(permuted) + 1))


def _local_p(
    z: np.ndarray, lag: np.ndarray, number: np.ndarray, permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """One-sided p-values of each area's neighbours, drawn from all other areas."""
    p_values = np.full(len(z), np.nan)
    if permutations == 0:
        return p_values
    most = number.max()
    drawn = np.array([rng.permutation(len(z) - 1)[:most] for _ in range(permutations)])
    for area in np.flatnonzero(number):
        others = np.delete(z, area)
        lags = z[area] * others[drawn[:, : number[area]]].mean(axis=1)
        higher = np.count_nonzero(lags >= z[area] * lag[area])
        p_values[area] = (min(higher, permutations - higher) + 1) / (permutations + 1)
    return p_values


def unevenness(brief: AreaBrief, indicator_id: str) -> View:
    """How unevenly the people whom an indicator counts live over the borough, in its last year.

    PanelError where it is neither a share nor a stock of people.
    """
    one, last = brief.measured(indicator_id), last_known(brief.series(indicator_id))
    if one.indicator.kind not in ("share", "stock"):
        raise PanelError(
            f"{one.indicator.name} does not count some of the people of an area, so how evenly "
            "they live cannot be told. Choose a share, such as claimants."
        )
    codes = [*brief.area.members, *brief.comparators[REST]]
    rows = one.panel[(one.panel["period"] == last) & one.panel["area_code"].isin(codes)]
    counts, people = rows[["numerator", "denominator"]].dropna().to_numpy(float).T
    when, borough = period_words(last, last, averaged=one.averaged), counts.sum() / people.sum()
    indices = segregation(counts, people)
    elsewhere, alike = (
        wording.quantity(100 * indices[name], "percent", 0)
        for name in ("dissimilarity", "isolation")
    )
    said = (
        f"{one.indicator.name}, {when}: {elsewhere} of those counted would have to live in another "
        "small area for every area to have the same share (index of dissimilarity). Where they "
        f"live, {alike} of people are counted as well, against "
        f"{wording.quantity(100 * borough, 'percent')} in the whole borough."
    )
    return View(said, indices.rename("value").rename_axis("index").to_frame())


def segregation(group: ArrayLike, total: ArrayLike) -> pd.Series:
    """Indices of how unevenly two groups live over areas (Massey and Denton 1988).

    Parameters
    ----------
    group, total : arrays, one element per area
        Members of the group, and all people. Areas without people are left out.

    Returns
    -------
    Series
        ``dissimilarity``, ``gini``, ``entropy``, ``atkinson`` (evenness, 0 to 1; the last with an
        aversion of a half), ``isolation`` and ``interaction`` (chance that a member meets a
        member, or a non-member).

    Raises
    ------
    PanelError
        Nobody is a member, or everybody.
    """
    group, total = as_parts(group, total)
    known = ~np.isnan(group / total)
    group, total = group[known], total[known]
    if not 0 < group.sum() < total.sum():
        raise PanelError(
            f"{group.sum():g} of {total.sum():g} people are of the group. Evenness needs both "
            "members and others."
        )
    share, people, overall = group / total, total.sum(), group.sum() / total.sum()
    spread = people * overall * (1 - overall)
    own, others = group / group.sum(), 1 - share
    rising = np.argsort(share)
    lorenz = np.append(0, np.cumsum(group[rising])) / group.sum()
    base = np.append(0, np.cumsum((total - group)[rising])) / (total - group).sum()
    kept = (total * np.sqrt(others * share)).sum() / (people * overall)
    return pd.Series(
        {
            "dissimilarity": (total * np.abs(share - overall)).sum() / (2 * spread),
            "gini": 1 - 2 * np.trapezoid(lorenz, base),
            "isolation": (own * share).sum(),
            "interaction": (own * others).sum(),
            "entropy": 1 - (total * _entropy(share)).sum() / (people * _entropy(overall)),
            "atkinson": 1 - overall / (1 - overall) * kept**2,
        }
    )


def _entropy(share: ArrayLike) -> np.ndarray:
    share = np.asarray(share, float)
    inner = np.clip(share, np.finfo(float).tiny, 1 - np.finfo(float).eps)
    entropy = -(inner * np.log(inner) + (1 - inner) * np.log1p(-inner))
    return np.where((share == 0) | (share == 1), 0.0, entropy)
