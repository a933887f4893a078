"""Several rounds of one experiment together, with a warning where the intervention changed."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import t

from lsp_analysis import figures, wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.findings import TrialResult
from lsp_analysis.showing import Axes, Shown, with_note

FEW_ROUNDS = 3
SAME = ("name", "unit", "polarity", "denominator", "multiplier")  # of the outcome, in all rounds


@dataclass(frozen=True)
class Pooled(Shown):
    """Rounds of one experiment taken together.

    Attributes
    ----------
    rounds : DataFrame
        ``label``, ``estimate``, ``low``, ``high``, ``error``, ``df``, one row per round.
    estimate, low, high : float
        Mean effect over rounds like these (random effects, Paule and Mandel 1982); of two rounds,
        over these two alone.
    tau : float
        Standard deviation of true effects between rounds.
    i2 : float
        Share of the differences between rounds that is not chance.
    warnings : tuple of str
        What changed between rounds.
    arm : str
        Name of the arm for readers.
    """

    rounds: pd.DataFrame = field(repr=False)
    estimate: float
    low: float
    high: float
    tau: float
    i2: float
    unit: str
    level: float
    warnings: tuple[str, ...] = ()
    arm: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """The rounds, then all together."""
        label = "Rounds like these" if len(self.rounds) >= FEW_ROUNDS else "These two rounds"
        last = {"label": label, "estimate": self.estimate, "low": self.low, "high": self.high}
        return pd.concat([self.rounds, pd.DataFrame([last])], ignore_index=True)

    def sentence(self) -> wording.Sentence:
        """The pooled effect, how rounds differ, and what changed between them."""
        within = wording.interval(self.low, self.high, self.unit, self.level, of_change=True)
        mean = (
            f"Over {wording.counted(len(self.rounds), 'round')} the mean effect is "
            f"{wording.difference(self.estimate, self.unit)} ({within}); {self.i2:.0%} of "
            "the differences between rounds is more than chance."
        )
        return wording.Sentence(" ".join([mean, *self.warnings]))

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest by round."""
        columns = ["label", "estimate", "low", "high"]
        return figures.draw_forest(
            self.summary_frame()[columns], unit=self.unit, level=self.level, ax=ax
        )


def pool_rounds(results: Iterable[TrialResult], *, arm: str) -> Pooled:
    """The effect of an arm over its rounds.

    From three rounds on by random effects, with Knapp and Hartung's interval with t, never narrower
    than the plain one. From two rounds nobody can tell how effects vary from round to round: their
    mean, weighted by precision, is then that of these two rounds, and its interval says nothing of
    a third (a random-effects interval by the normal covers 80% where rounds truly differ).

    Raises
    ------
    DesignError
        Fewer than two rounds tried the arm, or they measured different outcomes.
    """
    found = [result for result in results if arm in result.findings]
    if len(found) < 2:
        raise DesignError(f'Fewer than two rounds tried "{arm}", so there is nothing to pool.')
    numbers = [result.design.round for result in found]
    if twice := [n for n in numbers if numbers.count(n) > 1]:
        raise DesignError(
            f"Round {twice[0]} is given twice, and it counts once. Name the folder of each round."
        )
    designs = [result.design for result in found]
    first, unit = designs[0], designs[0].outcome.unit
    for other in designs[1:]:
        if differ := [n for n in SAME if getattr(first.outcome, n) != getattr(other.outcome, n)]:
            raise DesignError(
                f"Rounds {first.round} and {other.round} did not measure the same outcome (they "
                f"differ in {wording.and_list(differ)}), so they cannot be pooled."
            )
    rows = []
    for result in found:
        one = result.contrasts[list(result.findings).index(arm)]
        rows.append((f"Round {result.design.round}", *one.test.sizes[:3], one.error, one.df))
    rounds = pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "error", "df"])
    if (open_ended := ~np.isfinite(rounds["error"])).any():
        raise DesignError(
            f"{rounds.loc[open_ended, 'label'].iloc[0]} has an interval without an end, so the "
            "rounds cannot be pooled. Report each by itself."
        )
    level = first.analysis.level
    sizes = combine(rounds["estimate"], rounds["error"], level=level, df=rounds["df"])
    warnings = []
    for before, after in pairwise(designs):
        was, now = (
            asdict(next(a.tidier for a in design.active if arm == a.name or a.factors == [arm]))
            for design in (before, after)
        )
        if items := [name for name in was if now[name] != was[name]]:
            warnings.append(
                f"The intervention changed from round {before.round} to round {after.round} "
                f"({wording.and_list(items)}): the pooled effect is of a family of interventions, "
                "not of one."
            )
    if absent := sorted(set(range(1, max(numbers))) - set(numbers)):
        named = wording.and_list([f"round {n}" for n in absent])
        warnings.insert(0, f"{wording.capital(named)} is not among them.")
    if len(found) < FEW_ROUNDS:
        warnings.append("This is the mean of these two rounds: a third may differ from both.")
    pooled = Pooled(rounds, *sizes, unit, level, tuple(warnings), found[0].labels[arm])
    return with_note(pooled, found[0]._note, about=found[0].chart_name)


def combine(
    estimates: Iterable[float],
    errors: Iterable[float],
    *,
    level: float = 0.95,
    df: Iterable[float] | None = None,
) -> tuple[float, float, float, float, float]:
    """Mean effect, its interval, standard deviation between effects, and I squared.

    Random effects from three estimates on; of two, the mean of these two, with the degrees of
    freedom `df` of their errors taken into account (Satterthwaite 1946) if they are given.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    effect, error = np.asarray(list(estimates), float), np.asarray(list(errors), float)
    found = combine_effects(effect, error**2, method_re="iterated")
    spread = max(float(found.sd_eff_w_re), float(found.sd_eff_w_re_hksj))
    mean, freedom = float(found.mean_effect_re), len(effect) - 1.0
    if len(effect) < FEW_ROUNDS:
        mean, spread = float(found.mean_effect_fe), float(found.sd_eff_w_fe)
        freedom = math.inf
        if df is not None:  # of a mean weighted by precision
            precision = 1 / error**2
            freedom = precision.sum() ** 2 / (precision**2 / np.asarray(list(df), float)).sum()
    quantile = t.isf((1 - level) / 2, freedom)
    tau, i2 = math.sqrt(max(0.0, float(found.tau2))), max(0.0, float(found.i2))
    return mean, mean - quantile * spread, mean + quantile * spread, tau, i2
