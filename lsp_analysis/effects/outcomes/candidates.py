"""Ways to estimate one effect, and what each must be given before it can be trusted with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import Case
from lsp_analysis.effects.layout import grid
from lsp_analysis.effects.question import Question
from lsp_analysis.effects.regressions.event_studies import event_study
from lsp_analysis.effects.regressions.its import interrupted_series
from lsp_analysis.effects.regressions.its_controlled import controlled_interrupted_series
from lsp_analysis.effects.regressions.placebo_did import placebo_difference_in_differences
from lsp_analysis.effects.regressions.structural import structural_effect
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.synthetic.control import synthetic_control
from lsp_analysis.effects.synthetic.sdid import synthetic_did
from lsp_analysis.errors import LspError

MOST_PLACEBOS = 200  # for methods that fit weights to each, so that a page does not wait
OFF_LEVEL = 0.1  # of its level before the start, by which a synthetic control may be off
HARMONICS = 2  # pairs of sine and cosine: a yearly and a half-yearly wave


@dataclass(frozen=True)
class Setting:
    """A question and its case, with the panel as the estimators want it: complete, in rates.

    The ring of neighbours is left out throughout, so that all compare with the same areas.
    """

    question: Question
    case: Case

    @property
    def before(self) -> int:
        """Periods before the start."""
        return self.case.start

    @property
    def after(self) -> int:
        """Periods from the start on."""
        return self.case.stop - self.case.start

    @property
    def cycle(self) -> int:
        """Periods in a year."""
        return self.case.ledger.cycle

    @cached_property
    def panel(self) -> pd.DataFrame:
        """Columns area_code, period, value (a rate for counts), total and exposure."""
        ledger, kept = self.case.ledger, self.case.pool.comparison | self.case.treated
        codes, n_periods = ledger.codes[kept], len(ledger.periods)
        total, exposure = ledger.total[kept], ledger.exposure[kept]
        per = self.question.per if ledger.counts else 1
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(exposure > 0, per * total / exposure, np.nan)
        return pd.DataFrame(
            {
                "area_code": np.repeat(codes, n_periods),
                "period": ledger.periods.take(np.tile(np.arange(n_periods), len(codes))),
                "value": value.ravel(),
                "total": total.ravel(),
                "exposure": exposure.ravel(),
            }
        )

    @cached_property
    def placebos(self) -> list[list[str]] | None:
        """Placebo groups for estimators that take lists; None for one area, each in turn."""
        if self.case.treated.sum() == 1:
            return None
        rows = self.case.pool.members[1:]
        if len(rows) > MOST_PLACEBOS:
            rng = np.random.default_rng(self.case.seed)
            rows = rows[np.sort(rng.choice(len(rows), MOST_PLACEBOS, replace=False))]
        return [list(self.case.ledger.codes[row]) for row in rows]

    @property
    def shared(self) -> dict[str, object]:
        """Keywords every estimator takes."""
        question = self.question
        return {
            "treated": list(question.treated),
            "start": question.start,
            "level": question.level,
        }


@dataclass(frozen=True)
class Candidate:
    """One way to estimate the effect.

    Attributes
    ----------
    unsuitable : function of a Setting
        Why it cannot be used there; empty when it can.
    run : function of a Setting
    """

    label: str
    run: Callable[[Setting], EffectEstimate]
    unsuitable: Callable[[Setting], str]


def complete(setting: Setting) -> str:
    """Why estimators that need every value cannot be used."""
    return "values of the neighbourhood are missing" if setting.panel["value"].isna().any() else ""


def always(setting: Setting) -> str:
    """No reason: what the method for the common case cannot answer, no case is laid out of."""
    return ""


def needs(before: int, *, cycles: int = 0, after: int = 1) -> Callable[[Setting], str]:
    """A rule that asks for so many periods before the start (or years) and after it."""

    def rule(setting: Setting) -> str:
        fewest = max(before, cycles * setting.cycle)
        if setting.before < fewest:
            return f"{setting.before} periods before the start, and it needs {fewest}"
        if setting.after < after:
            return f"{setting.after} periods after the start, and it needs {after}"
        return complete(setting)

    return rule


def one_start(setting: Setting) -> str:
    """Why methods for staggered starts have nothing to add."""
    return "all treated areas began at once, so it is plain difference-in-differences"


def too_few_clusters(setting: Setting) -> str:
    """Why errors clustered by area are no use."""
    count = wording.counted(int(setting.case.treated.sum()), "treated area")
    return f"with {count} its p-value is far too small (see the calibration benchmark)"


def adjusted(setting: Setting) -> EffectEstimate:
    """The method for the common case."""
    return setting.question.estimate(checks=False)


def plain_did(setting: Setting) -> EffectEstimate:
    """Difference-in-differences ranked among placebo neighbourhoods."""
    return placebo_difference_in_differences(
        setting.panel, outcome="value", neighbours=setting.question.neighbours,
        seed=setting.case.seed, **setting.shared,
    )  # fmt: skip


def yearly_event_study(setting: Setting) -> EffectEstimate:
    """Event study in years from the start (half years if there are few), the last before it as
    reference."""
    width = setting.cycle if setting.before >= 3 * setting.cycle else setting.case.half_year
    first = setting.before % width
    whole = setting.case.stop - (setting.after % width if setting.after >= width else 0)
    place = setting.panel.groupby("area_code", sort=False).cumcount().to_numpy()
    inside = (place >= first) & (place < whole)
    binned = setting.panel[inside].assign(period=(place[inside] - setting.before) // width)
    means = binned.groupby(["area_code", "period"], as_index=False)["value"].mean()
    return event_study(
        means, outcome="value", placebos=setting.placebos, **setting.shared | {"start": 0}
    )


def series_alone(setting: Setting) -> EffectEstimate:
    """Interrupted time series of the neighbourhood."""
    return interrupted_series(setting.panel, change="level", **_series(setting))


def series_beside(setting: Setting) -> EffectEstimate:
    """Controlled interrupted time series."""
    return controlled_interrupted_series(setting.panel, change="level", **_series(setting))


def forecast(setting: Setting) -> EffectEstimate:
    """Structural time series with the comparison areas' mean."""
    season = setting.cycle if setting.cycle > 1 else None
    return structural_effect(
        setting.panel, outcome="value", season=season, seed=setting.case.seed, **setting.shared
    )


def weighted_areas(setting: Setting) -> EffectEstimate:
    """Synthetic control matched on all outcomes before the start."""
    return synthetic_control(
        setting.panel, outcome="value", placebos=setting.placebos, seed=setting.case.seed,
        **setting.shared,
    )  # fmt: skip


def weighted_changes(setting: Setting) -> EffectEstimate:
    """Synthetic difference-in-differences."""
    return synthetic_did(
        setting.panel, outcome="value", placebos=setting.placebos, **setting.shared
    )


def out_of_reach(setting: Setting) -> str:
    """Why no weighted average of other areas will do for the neighbourhood."""
    lacking = needs(8)(setting)
    if lacking:
        return lacking
    laid_out = grid(
        setting.panel, outcome="value", treated=list(setting.question.treated),
        start=setting.question.start,
    )  # fmt: skip
    try:
        found = weighted_areas(setting)
    except LspError as error:
        return str(error)
    withheld = next((said for said in found.warnings if "met exactly" in said), "")
    if withheld:
        return withheld.rstrip(".")
    paths = found.paths
    own, other = (paths[name][: laid_out.start_at].mean() for name in ("treated", "comparison"))
    off = (other - own) / abs(own) if own else np.inf
    if abs(off) <= OFF_LEVEL:
        return ""
    side = "below" if off < 0 else "above"
    return f"no average of other areas reaches its level before the start: {abs(off):.0%} {side} it"


CANDIDATES = (
    Candidate("Adjusted for the past", adjusted, always),
    Candidate("Difference-in-differences", plain_did, needs(2)),
    Candidate("Event study", yearly_event_study, needs(4)),
    Candidate("Interrupted series, alone", series_alone, needs(8, cycles=2, after=4)),
    Candidate("Interrupted series, controlled", series_beside, needs(8, cycles=2, after=4)),
    Candidate("Structural forecast", forecast, needs(10, cycles=2)),
    Candidate("Synthetic control", weighted_areas, out_of_reach),
    Candidate("Synthetic difference-in-differences", weighted_changes, needs(4)),
    Candidate("Two-way fixed effects, errors clustered by area", plain_did, too_few_clusters),
    Candidate("Staggered starts", plain_did, one_start),
)


def _series(setting: Setting) -> dict[str, object]:
    counts = setting.case.ledger.counts
    seasonal = setting.cycle > 3 and setting.before >= 2 * setting.cycle
    return setting.shared | {
        "outcome": "total" if counts else "value",
        "population": "exposure" if counts else None,
        "family": "quasi_poisson" if counts else "gaussian",
        "harmonics": HARMONICS if seasonal else 0,
        "cycle": setting.cycle if seasonal else None,
        "newey_west": max(1, setting.cycle // 4) if seasonal else 1,
    }
