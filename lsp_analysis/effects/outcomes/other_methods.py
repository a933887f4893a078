"""Do other methods say the same? The ways to estimate one effect, what each must be given before it
can be trusted with it, and all that suit on one scale, beside other choices of areas."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.checks.asked import Asked, ask
from lsp_analysis.effects.checks.comparators import other_choices
from lsp_analysis.effects.parts import answers
from lsp_analysis.effects.regressions.differences import did, event_study, rollout_effect
from lsp_analysis.effects.regressions.series import interrupted_series
from lsp_analysis.effects.regressions.structural import structural_effect
from lsp_analysis.effects.regressions.two_way import FEWEST_TREATED_CLUSTERS
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.synthetic.calibrated import calibrated_effect
from lsp_analysis.effects.synthetic.control import synthetic_control, synthetic_did
from lsp_analysis.effects.words import Scale, than_expected
from lsp_analysis.errors import LspError, PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.study.question import Question

Run = Callable[[Question], EffectEstimate]
OFF_LEVEL = 0.1  # of its level before the start, by which a synthetic control may be off
BLOCKS = (6, 3, 2, 1)  # of dates before the start, each matched exactly, tried in turn


def needs(run: Run, before: int, *, years: int = 0, after: int = 1) -> Run:
    """A method that needs so many dates before the start (or years) and after it."""

    def answer(question: Question) -> EffectEstimate:
        since, fewest = len(question.dates) - question.at, max(before, years * question.cycle)
        if question.at < fewest:
            raise PanelError(f"{question.at} periods before the start, and it needs {fewest}")
        if since < after:
            raise PanelError(f"{since} periods after the start, and it needs {after}")
        if not question.known[question.treated].all():
            raise PanelError("values of the neighbourhood are missing")
        return run(question)

    return answer


def staggered(question: Question) -> EffectEstimate:
    """Staggered starts, where they are."""
    if question.first_treated is None:
        raise PanelError(
            "all treated areas began at once, so it is plain difference-in-differences"
        )
    return rollout_effect(question)


def clustered(question: Question) -> EffectEstimate:
    """Errors clustered by area, where enough are treated for them to be of use."""
    count = int(question.treated.sum())
    if count < FEWEST_TREATED_CLUSTERS:
        raise PanelError(
            f"with {count} treated area{'' if count == 1 else 's'} its p-value is far too small "
            "(see the calibration benchmark)"
        )
    return did(question, inference="clustered")


def yearly_event_study(question: Question) -> EffectEstimate:
    """Event study in years from the start (half years if there are few)."""
    cycle = question.cycle
    return event_study(question, width=cycle if question.at >= 3 * cycle else max(1, cycle // 2))


def matched_exactly(question: Question) -> EffectEstimate:
    """Calibrated weights on as many blocks of dates before the start as can be met."""
    for blocks in BLOCKS:
        try:
            return calibrated_effect(question, block=max(1, question.at // blocks))
        except PanelError as error:
            refused = error
    raise refused


def within_reach(question: Question) -> EffectEstimate:
    """Synthetic control, where a weighted average of other areas will do for the neighbourhood."""
    found = synthetic_control(question)
    for said in found.warnings:
        if "matched exactly" in said:
            raise PanelError(said)
    own, other = found.paths[["treated", "comparison"]][: question.at].mean()
    off = (other - own) / abs(own) if own else np.inf
    if abs(off) > OFF_LEVEL:
        raise PanelError(
            "no average of other areas reaches its level before the start: "
            f"{abs(off):.0%} {'below' if off < 0 else 'above'} it"
        )
    return found


CANDIDATES: dict[str, Run] = {
    "Difference-in-differences": needs(lambda q: did(q, inference="placebo"), 2),
    "Event study": needs(yearly_event_study, 4),
    "Interrupted series, alone": needs(
        lambda q: interrupted_series(q, change="level"), 8, years=2, after=4),
    "Interrupted series, controlled": needs(
        lambda q: interrupted_series(q, change="level", controlled=True), 8, years=2, after=4),
    "Structural forecast": needs(structural_effect, 10, years=2),
    "Synthetic control": needs(within_reach, 8),
    "Synthetic difference-in-differences": needs(synthetic_did, 4),
    "Calibrated weights": needs(matched_exactly, 4),
    "Two-way fixed effects, errors clustered by area": clustered,
    "Staggered starts": staggered,
}  # fmt: skip


WIDEST_DRAWN = 8  # half-widths of the preferred interval beyond which others run off a picture


@dataclass(frozen=True)
class SideBySide(Shown):
    """One effect by several methods, in per cent of what each expected, or in units of the outcome
    where a share means nothing.

    Attributes
    ----------
    table : DataFrame
        label, estimate, low, high, p_value, maryland, rests_on; the preferred method first.
    unsuitable : DataFrame
        label, reason.
    specifications : DataFrame
        estimate, low, high, preferred, method, areas: for the specification curve.
    estimates : tuple of EffectEstimate
        In the order of `table`.
    scale : Scale
        In per cent, or in the outcome's unit.
    """

    table: pd.DataFrame = field(repr=False, compare=False)
    unsuitable: pd.DataFrame = field(repr=False, compare=False)
    specifications: pd.DataFrame = field(repr=False, compare=False)
    estimates: tuple[EffectEstimate, ...] = field(repr=False, compare=False)
    scale: Scale

    @property
    def _sides(self) -> tuple[pd.Series, pd.DataFrame]:
        """The preferred method, and the others that gave an estimate."""
        return self.table.iloc[0], self.table.iloc[1:].dropna(subset=["estimate"])

    @property
    def outside(self) -> list[str]:
        """Methods that put the effect outside the preferred one's interval, and its estimate
        outside their own."""
        first, others = self._sides
        inside = others["estimate"].between(first["low"], first["high"])
        inside |= (others["low"] <= first["estimate"]) & (first["estimate"] <= others["high"])
        return others.loc[~inside, "label"].tolist()

    @property
    def agreement(self) -> str:
        """ "agree", "agree on direction only", "disagree", or "alone" where one method is suitable.

        Two methods agree if either's interval holds the other's estimate, unless one of them finds
        a clear effect the other way.
        """
        first, others = self._sides
        if others.empty:
            return "alone"
        turned = others["estimate"] * first["estimate"] < 0
        if (turned & _clear(others)).any() or (self.outside and turned.any()):
            return "disagree"
        return "agree on direction only" if self.outside else "agree"

    def summary_frame(self) -> pd.DataFrame:
        """One row per method."""
        return self.table.set_index("label")

    def sentence(self) -> wording.Sentence:
        """Whether the methods agree, from where to where they run, and why some were left out."""
        (first, others), scale = self._sides, self.scale
        lead = (
            f"{first['label']}, the method chosen in advance, puts it at "
            f"{than_expected(scale.gap(first['estimate']))} "
            f"({scale.within(first['low'], first['high'])})."
        )
        if others.empty:
            return wording.Sentence(f"{lead} No other method is suitable here.")
        low, high = (scale.gap(end) for end in (others["estimate"].min(), others["estimate"].max()))
        outside = wording.and_list(name.lower() for name in self.outside)
        farther = f" (farther from it than chance allows: {outside})" if outside else ""
        verdict = {
            "agree": "They agree, within what chance allows.",
            "agree on direction only": f"They agree on the direction but not on the size{farther}. "
            "Plain comparisons do not allow for regression to the mean.",
            "disagree": f"They disagree, so the finding depends on the method{farther}.",
        }[self.agreement]
        clear = int(_clear(others).sum()) + bool(first["low"] > 0 or first["high"] < 0)
        return wording.Sentence(
            f"{lead} By {wording.counted(len(others), 'other method')} it "
            f"{f'runs from {low} to {high}' if low != high else f'is {low}'}. {verdict} "
            f"Intervals clear of no effect: {wording.of_total(clear, 1 + len(others))}."
        )

    def shown_table(self) -> Table:
        """All suitable methods for a page, and below it why the others were left out."""
        per_cent, scale = "", "units of the outcome"
        if self.scale.in_percent:
            per_cent, scale = " (%)", "per cent of what each expected"
        effect = [f"{name}{per_cent}" for name in ("Effect", "Low", "High")]
        names = ["Method", *effect, "p", "Maryland level", "Rests on"]
        alike = self.unsuitable.groupby("reason", sort=False)["label"].agg("; ".join)
        reasons = [f"{labels}: {reason}" for reason, labels in alike.items()]
        return figures.table(
            self.table.set_axis(names, axis=1),
            caption=f"The effect by every method that suits these data, in {scale}",
            note=f"Left out: {'. '.join(reasons)}." if reasons else "",
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """All suitable methods, one a row."""
        return self._drawn(self.table, ax)

    def _drawn(self, rows: pd.DataFrame, ax: Axes | None) -> Axes:
        """Effects, one a row, in a range that keeps one wide interval from hiding all others."""
        first, estimates = self.table.iloc[0], self.table["estimate"].dropna()
        least = 1.0 if self.scale.in_percent else 1e-9
        half = np.nanmax([first["high"] - first["low"], abs(first["estimate"]), least]) / 2
        half = WIDEST_DRAWN * half if np.isfinite(half) else np.inf
        limits = float(estimates.min() - half), float(estimates.max() + half)
        return figures.draw_forest(
            rows[["label", "estimate", "low", "high"]], unit=self.scale.axis,
            level=self.scale.level, limits=limits, ax=ax,
        )  # fmt: skip

    def plot_specifications(self, ax: Axes | None = None) -> Axes:
        """Every method and choice of comparison areas, in order of size."""
        rows = self.specifications.sort_values("estimate", kind="stable", ignore_index=True)
        return self._drawn(rows.assign(label=rows["method"] + ", " + rows["areas"]), ax)


def _clear(rows: pd.DataFrame) -> pd.Series:
    """Which intervals leave out zero."""
    return (rows["low"] > 0) | (rows["high"] < 0)


@answers
def side_by_side(question: Question) -> SideBySide:
    """Estimate one effect by every method that suits its data.

    All are put in per cent of what was expected, as far as that means something, and compare with
    areas that have every value, neighbours of the treated ones left out.

    Raises
    ------
    PanelError
        As for `estimate`, whose method is the preferred one and must be possible.
    """
    asked = ask(question)
    found, reasons = {"Adjusted for the past": asked.effect}, {}
    for label, run in CANDIDATES.items():
        try:
            found[label] = run(asked.question)
        except LspError as error:
            reasons[label] = str(error).rstrip(".")
    relative = not wording.is_missing(asked.effect.relative)
    table = pd.DataFrame([_row(label, one, relative) for label, one in found.items()])
    return SideBySide(
        table=table,
        unsuitable=pd.DataFrame(reasons.items(), columns=["label", "reason"]),
        specifications=_specifications(asked, table, relative),
        estimates=tuple(found.values()),
        scale=Scale(relative, question.unit, question.level),
    )


def _row(label: str, found: EffectEstimate, relative: bool) -> dict[str, object]:
    sizes = {"estimate": found.estimate, "low": found.low, "high": found.high}
    if relative:
        shares = (found.relative, found.relative_low, found.relative_high)
        sizes = {name: 100 * share for name, share in zip(sizes, shares, strict=True)}
    rests_on = found.inference or "the width of its interval"
    about = {"p_value": found.p_value, "maryland": found.maryland, "rests_on": rests_on}
    return {"label": label} | sizes | about


def _specifications(asked: Asked, table: pd.DataFrame, relative: bool) -> pd.DataFrame:
    """The methods side by side, and the preferred one with other comparison areas."""
    frame = table.assign(areas="all but neighbours", preferred=table.index == 0)
    others = [
        _row(table["label"][0], found.effect, relative) | {"areas": label, "preferred": False}
        for label, found, _ in other_choices(asked)
    ]
    every = pd.concat([frame, pd.DataFrame(others)], ignore_index=True)
    every = every.rename(columns={"label": "method"})
    return every[["method", "estimate", "low", "high", "areas", "preferred"]]
