"""A programme's effect on many outcomes: one named beforehand, and the rest allowed for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.case import (
    Case,
    between,
    detectable,
    in_words,
    percent,
    percents,
    sized,
)
from lsp_analysis.effects.eligible import eligible_areas
from lsp_analysis.effects.given import plain_codes
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.windows import Ledger, read_ledger, start_position, treated_rows
from lsp_analysis.effects.outcomes.stepdown import omnibus, romano_wolf, within_reach
from lsp_analysis.effects.question import Question
from lsp_analysis.effects.words import than_expected
from lsp_analysis.errors import LspError, PanelError, ParameterError, did_you_mean
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("behaviour", "outcome")
HEADINGS = {
    "primary": "Named beforehand",
    "behaviour": "What people do",
    "outcome": "What comes of it",
}
LEAST_SHARED = 0.5  # of the usual number of complete areas; outcomes with fewer are left out


@dataclass(frozen=True)
class ManyOutcomes(Shown):
    """Effects on many outcomes, ranked in the same placebo neighbourhoods.

    Attributes
    ----------
    primary : str
        The outcome named before looking; its p-value needs no allowance for the others.
    table : DataFrame indexed by outcome
        label, kind, polarity, primary, relative, low, high (per cent of what was expected),
        p_value, p_adjusted (Romano-Wolf, over all outcomes), smallest (fall found with 80% power,
        per cent); where a share means nothing they are missing, and size and interval (words) are
        in units of the outcome. sign is that of the effect.
    omnibus_p : float
        p-value that nothing happened to any of them.
    reach : DataFrame
        What each way of allowing for many outcomes could conclude here, see `within_reach`.
    left_out : tuple of (name, reason)
    statistics : DataFrame, neighbourhoods (treated first) x outcomes
    """

    primary: str
    table: pd.DataFrame = field(repr=False, compare=False)
    omnibus_p: float
    n_placebos: int
    level: float
    reach: pd.DataFrame = field(repr=False, compare=False)
    left_out: tuple[tuple[str, str], ...] = ()
    statistics: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per outcome, the primary one first, then behaviours, then the others."""
        order = self.table["primary"].astype(int) * 2 + (self.table["kind"] == "behaviour")
        return self.table.loc[order.sort_values(ascending=False, kind="stable").index]

    def of_kind(self, kind: str) -> pd.DataFrame:
        """The rows of behaviour measures, or of outcome measures."""
        if kind not in KINDS:
            raise ParameterError(f'kind is "behaviour" or "outcome", not {kind!r}.')
        return self.summary_frame().query("kind == @kind")

    def sentence(self) -> wording.Sentence:
        """What stands out, alone and with all allowed for, and the omnibus test."""
        first = self.table.loc[self.primary]
        told = [
            f"The outcome named beforehand, {first['label']}, was "
            f"{than_expected(first['size'])} "
            f"({first['interval']}; {wording.p_value(first['p_value'])})."
        ]
        rest = self.table.drop(index=self.primary)
        return wording.Sentence(" ".join(told + (self._others(rest) if len(rest) else [])))

    def _others(self, rest: pd.DataFrame) -> list[str]:
        """What the other measures show, behaviours and outcomes apart, and all together."""
        alpha = 1 - self.level + 1e-12
        told = []
        for kind in KINDS:
            rows = rest[rest["kind"] == kind]
            if len(rows):
                alone = rows[rows["p_value"] <= alpha]
                told.append(
                    f"of {wording.counted(len(rows), f'other {kind} measure')}, "
                    f"{_stand(len(alone))} out{self._named(alone)}"
                )
        allowed = rest[rest["p_adjusted"] <= alpha]
        by_chance = wording.number((1 - self.level) * len(rest), 1)
        does = wording.counted(len(allowed), "does", "do") if len(allowed) else "none does"
        together = (
            "moved by more than chance usually makes"
            if self.omnibus_p <= alpha
            else "did not move by more than chance can make"
        )
        return [
            f"At the {100 * (1 - self.level):.3g}% level, {'; '.join(told)}. Chance alone would "
            f"make about {by_chance} of them do so.",
            f"With having looked at so many allowed for, {does}{self._named(allowed)}.",
            f"Taken together, the {wording.number(len(self.table))} measures {together} "
            f"({wording.p_value(self.omnibus_p)}).",
        ]

    def _named(self, rows: pd.DataFrame) -> str:
        named = [
            f"{row.label}, {row.size}{_side(row.sign, row.polarity)}" for row in rows.itertuples()
        ]
        return f" ({'; '.join(named)})" if named else ""

    def reach_sentence(self) -> wording.Sentence:
        """Which conclusions were out of reach before anything was looked at."""
        finest = 1 / (self.n_placebos + 1)
        text = (
            f"With {wording.number(self.n_placebos)} placebos no p-value is finer than "
            f"{wording.number(finest)}."
        )
        if len(self.table) == 1:
            return wording.Sentence(f"{text} One measure needs no allowance.")
        holm, hochberg = (self.reach.loc[way, "needed"] for way in ("Holm", "Benjamini-Hochberg"))
        count = wording.counted(len(self.table), "measure")
        if wording.is_missing(holm):
            text += f" Holm's correction over {count} could therefore never reject."
        if wording.is_missing(hochberg):
            text += " Neither could Benjamini and Hochberg's."
        elif hochberg > 1:
            text += (
                " Benjamini and Hochberg's could only if "
                f"{wording.counted(int(hochberg), 'measure')} stood out as far as is possible."
            )
        if wording.is_missing(self.reach.loc["Romano-Wolf step-down", "needed"]):
            return wording.Sentence(f"{text} Nor could the step-down used here.")
        return wording.Sentence(
            f"{text} The step-down used here, over the same placebos, can find even one that "
            "stands out alone."
        )

    def plot(self, ax: Axes | None = None, *, kind: str | None = None) -> Axes:
        """All effects on one scale, behaviours and outcomes apart, or those of one kind."""
        rows = self.summary_frame() if kind is None else self.of_kind(kind)
        frame = pd.DataFrame(
            {
                "label": rows["label"],
                "estimate": rows["relative"],
                "low": rows["low"],
                "high": rows["high"],
            }
        )
        if kind is None and len(rows) > 1:
            frame["group"] = rows["kind"].map(HEADINGS).where(~rows["primary"], HEADINGS["primary"])
        return figures.draw_forest(
            frame.reset_index(drop=True), unit="% of what was expected", level=self.level, ax=ax
        )


def _stand(count: int) -> str:
    return wording.counted(count, "stands", "stand") if count else "none stands"


def _side(sign: float, polarity: str) -> str:
    """Whether a difference is for the better, where the measure has a good side."""
    good = {"high_is_good": 1, "low_is_good": -1}.get(polarity)
    return "" if good is None else f", for the {'better' if good * sign > 0 else 'worse'}"


def many_outcomes(questions: Sequence[Question], *, primary: str) -> ManyOutcomes:
    """Ask all questions of one programme in the same placebo neighbourhoods.

    Parameters
    ----------
    questions : list of Question
        Of the same treated areas; their data may be monthly, quarterly or yearly.
    primary : str
        Name of the question that was chosen before looking.

    Raises
    ------
    ParameterError
        No question of that name, a name that is repeated, or questions of different areas.
    PanelError
        The primary question cannot be answered, or no placebo has data for all.
    """
    names = [question.name for question in questions]
    if primary not in names:
        hint = did_you_mean(primary, names)
        raise ParameterError(f"The primary outcome {primary!r} is not among those asked.{hint}")
    first = questions[names.index(primary)]
    if len(set(names)) < len(names) or len({q.treated for q in questions}) > 1:
        raise ParameterError(
            "Questions need names of their own, and must all be of the same treated areas."
        )
    read, left_out = _readable(questions)
    if primary in dict(left_out):
        raise PanelError(f"The primary outcome cannot be judged: {dict(left_out)[primary]}")
    asked = {question.name: question for question in questions}
    cases = _shared_cases(read, asked, first)
    statistics = np.column_stack([case.found.statistic for case in cases.values()])
    rows = [_row(asked[name], case, name == primary) for name, case in cases.items()]
    table = pd.DataFrame(rows, index=pd.Index(cases, name="outcome"))
    table["p_adjusted"] = romano_wolf(statistics)
    n_placebos = len(statistics) - 1
    return ManyOutcomes(
        primary=primary,
        table=table,
        omnibus_p=omnibus(statistics, _levels(cases.values())),
        n_placebos=n_placebos,
        level=first.level,
        reach=within_reach(len(cases), n_placebos, first.level),
        left_out=tuple(left_out),
        statistics=pd.DataFrame(statistics, columns=list(cases)),
    )


def _levels(cases: Iterable[Case]) -> np.ndarray:
    """How high each neighbourhood stood before the start, on average over standardised outcomes."""
    before = [case.found.before for case in cases]
    return np.mean([(x - x[1:].mean()) / max(x[1:].std(), 1e-12) for x in before], axis=0)


@dataclass(frozen=True)
class _Read:
    """A question's ledger, the position of its start, and which of its areas have all values."""

    ledger: Ledger
    start: int
    complete: pd.Index


def _readable(
    questions: Sequence[Question],
) -> tuple[dict[str, _Read], list[tuple[str, str]]]:
    """Questions that can be judged, and why the others cannot."""
    read, left_out = {}, []
    for question in questions:
        try:
            read[question.name] = _read(question)
        except LspError as error:
            left_out.append((question.name, str(error)))
    usual = np.median([len(one.complete) for one in read.values()]) if read else 0
    for name, one in list(read.items()):
        if len(one.complete) < LEAST_SHARED * usual:
            left_out.append(
                (name, f"Only {len(one.complete)} areas have all its values, against {usual:.0f}.")
            )
            del read[name]
    return read, left_out


def _read(question: Question) -> _Read:
    ledger = read_ledger(
        question.panel,
        outcome=question.outcome,
        population=question.population,
        person_periods=question.person_periods,
    )
    start = start_position(ledger, question.start)
    rows = treated_rows(ledger, plain_codes(question.treated))
    eligible_areas(ledger, rows, start, question.outcome)  # refuses what `estimate` does
    known = ledger.exposure > 0
    if not known[rows].all(axis=1).all():
        raise PanelError("Some of the treated areas' values are missing.")
    return _Read(ledger, start, ledger.codes[known.all(axis=1)])


def _shared_cases(
    read: dict[str, _Read], asked: dict[str, Question], first: Question
) -> dict[str, Case]:
    """Every question, compared with the areas that have all values of all of them, with one pool
    of placebos. Other areas still say who is next to whom, as in `estimate`."""
    everyone = reduce(pd.Index.union, [one.ledger.codes for one in read.values()])
    shared = reduce(pd.Index.intersection, [one.complete for one in read.values()])
    rows = everyone.isin(list(first.treated))
    eligible = everyone.isin(shared) & ~rows
    adjacency = placebo.adjacency_matrix(everyone, first.neighbours)
    pool = placebo.draw_pool(rows, eligible=eligible, adjacency=adjacency, seed=first.seed)
    return {
        name: Case(
            _among(one.ledger, everyone), rows, eligible, adjacency, one.start, pool,
            first.level, first.seed, asked[name].unit, asked[name].person_periods,
        )
        for name, one in read.items()
    }  # fmt: skip


def _among(ledger: Ledger, codes: pd.Index) -> Ledger:
    """The ledger of areas `codes`, those it does not know without data."""
    order = ledger.codes.get_indexer(codes)
    known = (order >= 0)[:, None]
    return replace(
        ledger,
        total=np.where(known, ledger.total[order], 0),
        exposure=np.where(known, ledger.exposure[order], 0),
        codes=codes,
    )


def _row(question: Question, case: Case, is_primary: bool) -> dict[str, object]:
    size, scale = sized(case, case.found), _to_per_cent(case)
    estimate, low, high = (scale * x for x in (size.estimate, size.low, size.high))
    told, within = in_words(case, size.estimate), between(case, size)
    if np.isfinite(scale):
        told, within = percent(estimate), percents(low, high, case.level)
    return {
        "label": question.label or question.name,
        "kind": question.kind,
        "polarity": question.polarity,
        "primary": is_primary,
        "relative": estimate,
        "low": low,
        "high": high,
        "p_value": size.p_value,
        "smallest": scale * detectable(case, case.found),
        "size": told,
        "interval": within,
        "sign": np.sign(size.estimate),
    }


def _to_per_cent(case: Case) -> float:
    """What turns shown effects into per cent of what was expected; missing where a share means
    nothing, as for an outcome with values below nought."""
    if case.ledger.counts:
        return 1.0
    expected = float(case.found.expected[0] / case.found.exposure[0])
    return 100 / expected if expected > 0 and (case.ledger.total >= 0).all() else np.nan
