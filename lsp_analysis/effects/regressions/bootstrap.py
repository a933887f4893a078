"""Wild cluster bootstrap: a p-value for a dozen or two clusters, several of them treated.

Cameron, Gelbach and Miller (2008), with the restrictions of the null imposed. It works on sums
within clusters, so a draw costs one small matrix product and no regression (Roodman and others
2019). It does not rescue one treated cluster, or two, or three: there it rejects hardly ever, or
nearly always (MacKinnon and Webb 2018), so fewer than five are refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import TREATMENT, long_panel
from lsp_analysis.effects.options import names_of, whole
from lsp_analysis.effects.regressions.least_squares import check_not_collinear, few_clusters_warning
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WEBB = np.array([-math.sqrt(1.5), -1.0, -math.sqrt(0.5), math.sqrt(0.5), 1.0, math.sqrt(1.5)])
"""Six points with mean 0 and variance 1 (Webb 2014): more distinct draws than two signs allow."""

MOST_CELLS = 100_000_000
"""Rows x periods beyond which the table of periods no longer fits a small computer's memory."""

FEWEST_DRAWS = 99
"""With these the finest p-value is 0.01."""


@dataclass(frozen=True)
class BootstrapTest(Shown):
    """Wild cluster bootstrap test of one effect.

    Attributes
    ----------
    estimate, low, high : float
        The effect, and the effects that the same draws would not reject.
    p_value : float
        (b + 1) / (B + 1), b draws having a t as large as `statistic` or larger in size.
    statistic : float
        The effect divided by its cluster-robust standard error.
    draws : array (B,)
        The same of each draw, under no effect.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    statistic: float
    level: float
    n_clusters: int
    n_treated_clusters: int
    draws: np.ndarray = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row: effect, interval, p-value, clusters."""
        names = ("estimate", "low", "high", "p_value", "level", "n_clusters", "n_treated_clusters")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def sentence(self) -> wording.Sentence:
        """The p-value, and the draws and clusters it rests on."""
        return wording.Sentence(
            f"By {len(self.draws):,} wild bootstrap draws over {self.n_clusters} clusters, "
            f"{self.n_treated_clusters} of them treated, {wording.p_value(self.p_value)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The statistic among those of the draws."""
        return figures.draw_distribution(
            self.draws, observed=self.statistic, unit="standard errors", label="Draws", ax=ax
        )


def wild_cluster_bootstrap(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    weights: str = "webb",
    n_draws: int = 9_999,
    area: str = AREA,
    period: str = PERIOD,
    level: float = 0.95,
    seed: int = 0,
) -> BootstrapTest:
    """Test the effect of `difference_in_differences` by resampling the signs of whole clusters.

    Parameters
    ----------
    panel, outcome, treated, start, covariates
        As in `did.difference_in_differences`.
    cluster : str, optional
        Column within which errors may be correlated, each area lying in one; the area if left out.
    weights : "webb" or "rademacher"
        What a cluster's residuals are multiplied by: one of six points, or a sign.
    n_draws : int
        99 or more; the finest p-value is 1 / (n_draws + 1).

    Raises
    ------
    PanelError
        When fewer than five clusters are treated, or fewer than five are not.
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    n_draws = whole("n_draws", n_draws, FEWEST_DRAWS)
    check_seed(seed)
    frame, _, _ = long_panel(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        numbers=covariates,
        cluster=cluster,
        area=area,
        period=period,
    )
    groups, n_clusters = _clusters(frame, area, cluster or area)
    n_treated = len(np.unique(groups[frame[TREATMENT].to_numpy() > 0]))
    refusal = few_clusters_warning(n_treated, n_clusters)
    if refusal:
        raise PanelError(refusal)
    sums = _cluster_sums(frame, outcome, list(covariates), groups, n_clusters, area, period)
    signs = _signs(weights, n_draws, n_clusters, seed)
    statistic, draws = _studentised(sums, signs, null=0.0)
    low, high = _invert(sums, signs, level)
    return BootstrapTest(
        estimate=sums.estimate,
        low=low,
        high=high,
        p_value=_p_value(statistic, draws),
        statistic=statistic,
        level=level,
        n_clusters=n_clusters,
        n_treated_clusters=n_treated,
        draws=draws,
    )


@dataclass(frozen=True)
class _Sums:
    """Everything the bootstrap needs, summed within G clusters.

    d is the treatment and y the outcome, with all else taken out of both; Q is the p columns taken
    out, periods and covariates.
    """

    dy: np.ndarray  # (G,) sums of d * y
    dd: np.ndarray  # (G,) sums of d * d
    dq: np.ndarray  # (G, p) sums of d * Q
    qy: np.ndarray  # (G, p) sums of Q * y
    inverse: np.ndarray  # (p, p) inverse of Q'Q

    @property
    def estimate(self) -> float:
        return float(self.dy.sum() / self.dd.sum())


def _studentised(sums: _Sums, signs: np.ndarray, null: float) -> tuple[float, np.ndarray]:
    """The statistic of effect = `null`, and its draws when that is true."""
    scores = sums.dy - null * sums.dd
    others = sums.qy - null * sums.dq
    total = sums.dd.sum()
    excess = signs @ scores / total
    refitted = signs @ others @ sums.inverse @ sums.dq.T
    drawn = signs * scores - refitted - excess[:, None] * sums.dd
    distance = sums.estimate - null
    own = scores - distance * sums.dd
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing left over: met exactly
        draws = excess * total / np.sqrt((drawn**2).sum(axis=1))
        return float(distance * total / np.sqrt((own**2).sum())), np.nan_to_num(draws)


def _p_value(statistic: float, draws: np.ndarray) -> float:
    beaten_by = (np.abs(draws) >= abs(statistic) * (1 - 1e-12)).sum()
    return float((beaten_by + 1) / (len(draws) + 1))


def _invert(sums: _Sums, signs: np.ndarray, level: float) -> tuple[float, float]:
    """The furthest effects on either side that the draws do not reject, by bisection."""
    centre = sums.estimate
    own = sums.dy - centre * sums.dd
    width = math.sqrt((own**2).sum()) / sums.dd.sum()
    low, high = (_edge(sums, signs, level, centre, side * width) for side in (-1, 1))
    return low, high


def _edge(sums: _Sums, signs: np.ndarray, level: float, centre: float, step: float) -> float:
    def kept(effect: float) -> bool:
        return _p_value(*_studentised(sums, signs, effect)) > 1 - level

    inside, outside = centre, centre + step
    for _ in range(40):
        if not kept(outside):
            break
        inside, outside = outside, centre + 2 * (outside - centre)
    else:
        return math.copysign(math.inf, step)
    for _ in range(40):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if kept(middle) else (inside, middle)
        if abs(outside - inside) < 1e-6 * abs(step):
            break
    return float(inside)


def _cluster_sums(
    frame: pd.DataFrame,
    outcome: str,
    covariates: list[str],
    groups: np.ndarray,
    n_clusters: int,
    area: str,
    period: str,
) -> _Sums:
    codes = pd.factorize(frame[area])[0]
    times, labels = pd.factorize(frame[period])
    if len(frame) * len(labels) > MOST_CELLS:
        raise ParameterError(
            f"{len(frame):,} rows by {len(labels)} periods is more than this bootstrap is for: "
            "with so many areas the cluster-robust interval of difference_in_differences "
            "serves."
        )
    dummies = (times[:, None] == np.arange(1, len(labels))).astype(float)
    raw = [dummies, frame[[*covariates, TREATMENT, outcome]].to_numpy(dtype=float)]
    within = _less_area_means(np.hstack(raw), codes)
    taken_out, own = within[:, :-2], within[:, -2:]
    taken_out = taken_out[:, np.linalg.norm(taken_out, axis=0) > 0]
    check_not_collinear(taken_out, [*map(str, labels[1:]), *covariates])
    inverse = np.linalg.inv(taken_out.T @ taken_out)
    d, y = (own - taken_out @ (inverse @ (taken_out.T @ own))).T
    return _Sums(
        _sum_within(d * y, groups, n_clusters),
        _sum_within(d * d, groups, n_clusters),
        _sum_within(taken_out * d[:, None], groups, n_clusters),
        _sum_within(taken_out * y[:, None], groups, n_clusters),
        inverse,
    )


def _less_area_means(columns: np.ndarray, codes: np.ndarray) -> np.ndarray:
    counts = np.bincount(codes)
    means = _sum_within(columns, codes, len(counts)) / counts[:, None]
    return columns - means[codes]


def _sum_within(columns: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    if columns.ndim == 1:
        return np.bincount(groups, columns, n_groups)
    return np.column_stack([np.bincount(groups, c, n_groups) for c in columns.T])


def _clusters(frame: pd.DataFrame, area: str, cluster: str) -> tuple[np.ndarray, int]:
    pairs = pd.DataFrame({"area": frame[area], "cluster": frame[cluster]}).drop_duplicates()
    split = pairs.loc[pairs.duplicated("area"), "area"]
    if len(split):
        raise PanelError(
            f"The area {split.iloc[0]!r} lies in more than one cluster of {cluster!r}: "
            "give each area one."
        )
    groups, labels = pd.factorize(frame[cluster])
    return groups, len(labels)


def _signs(weights: str, n_draws: int, n_clusters: int, seed: int) -> np.ndarray:
    points = {"webb": WEBB, "rademacher": np.array([-1.0, 1.0])}
    if not isinstance(weights, str) or weights not in points:
        raise ParameterError(f'weights={weights!r} is not known: use "webb" or "rademacher".')
    return np.random.default_rng(seed).choice(points[weights], (n_draws, n_clusters))
