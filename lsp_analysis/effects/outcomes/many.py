"""A programme's effect on many outcomes: one named in advance, and the rest allowed for; and what a
simulated study knows of them and an analyst does not."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from lsp_analysis import figures, untrusted, wording
from lsp_analysis.effects.checks.asked import Asked
from lsp_analysis.effects.one_area.neighbourhoods import placebo_groups, read_panel
from lsp_analysis.effects.one_area.single_area import estimate
from lsp_analysis.effects.parts import rank_p
from lsp_analysis.effects.words import Scale, percent, side, than_expected
from lsp_analysis.errors import LspError, PanelError, ParameterError, did_you_mean
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Absent, Axes, Shown, with_note
from lsp_analysis.study.areas import Area
from lsp_analysis.study.asking.table import as_date
from lsp_analysis.study.question import Question
from lsp_analysis.study.store import Study

HEADINGS = {
    "primary": "Named in advance",
    "behaviour": "What people do",
    "outcome": "What comes of it",
}
LEAST_SHARED = 0.5  # of the usual number of complete areas; outcomes with fewer are left out
_FEWEST_FOR_GROWTH = 40  # placebos, to learn from how squares grow with level
_LEAST_USUAL = 0.1


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
    left_out : tuple of (name, reason)
    statistics : DataFrame, neighbourhoods (treated first) x outcomes
    """

    primary: str
    table: pd.DataFrame = field(repr=False, compare=False)
    omnibus_p: float
    n_placebos: int
    level: float
    left_out: tuple[tuple[str, str], ...] = ()
    statistics: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per outcome, the primary one first, then behaviours, then the others."""
        order = self.table["primary"].astype(int) * 2 + (self.table["kind"] == "behaviour")
        return self.table.loc[order.sort_values(ascending=False, kind="stable").index]

    def sentence(self) -> wording.Sentence:
        """What stands out, alone and with all allowed for, and the omnibus test."""
        first, rest = self.table.loc[self.primary], self.table.drop(index=self.primary)
        alpha = 1 - self.level + 1e-12
        told = (
            f"The outcome named in advance, {first['label']}, was {than_expected(first['size'])} "
            f"({first['interval']}; {wording.p_value(first['p_value'])})."
        )
        if rest.empty:
            return wording.Sentence(told)
        alone = []
        for kind, rows in rest.groupby("kind"):
            stand = _that_do(rows[rows["p_value"] <= alpha], "stands", "stand", "out")
            alone.append(f"of {wording.counted(len(rows), f'other {kind} measure')}, {stand}")
        together = "did not move by more than chance can make"
        if self.omnibus_p <= alpha:
            together = "moved by more than chance usually makes"
        return wording.Sentence(
            f"{told} At the {100 * (1 - self.level):.3g}% level, {'; '.join(alone)}. Chance alone "
            f"would make about {wording.number((1 - self.level) * len(rest), 1)} of them do so. "
            "After allowing for the number of measures, "
            f"{_that_do(rest[rest['p_adjusted'] <= alpha], 'does', 'do')}. "
            f"Taken together, the {wording.number(len(self.table))} measures {together} "
            f"({wording.p_value(self.omnibus_p)})."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """All effects on one scale, behaviours and outcomes apart."""
        rows = self.summary_frame()
        frame = rows[["label", "relative", "low", "high"]].reset_index(drop=True)
        frame = frame.rename(columns={"relative": "estimate"})
        if len(rows) > 1:
            group = rows["kind"].map(HEADINGS).where(~rows["primary"], HEADINGS["primary"])
            frame["group"] = group.to_numpy()
        return figures.draw_forest(frame, unit="% of what was expected", level=self.level, ax=ax)


def _that_do(rows: pd.DataFrame, one: str, many: str, *tail: str) -> str:
    """How many outcomes do something, and which, with what became of them."""
    count = wording.counted(len(rows), one, many) if len(rows) else f"none {one}"
    named = [f"{row.label}, {row.size}{side(row.sign, row.polarity)}" for row in rows.itertuples()]
    return " ".join([count, *tail, *([f"({'; '.join(named)})"] if named else [])])


def outcomes_of(
    study: Study,
    place: str | Area,
    start: Any,
    primary: str,
    *,
    behaviours: Collection[str] = (),
    level: float = 0.95,
) -> ManyOutcomes | Absent:
    """Effects of one programme on every indicator of a study whose data reach to both sides of it,
    or why they cannot be told.

    Parameters
    ----------
    place, start : as for `study.question`
    primary : str
        The indicator that was chosen before looking.
    behaviours : indicators that measure what people do; the others measure what comes of it
    """
    primary, questions = study.main_outcome(primary), []
    asked = study.question(primary, place, start, level, needed=False)
    if not asked:
        return Absent(asked.reason)
    names = study.indicators()["indicator_id"]
    for indicator_id in names:
        try:
            question = study.question(indicator_id, place, start, level)
        except PanelError:
            continue
        if not question.placebo_date or question.indicator.indicator_id == primary:
            questions.append(question)
    if not set(behaviours) & set(names):  # a study of other indicators, unless one is misspelt
        behaviours = [name for name in behaviours if did_you_mean(name, names)]
    try:
        many = many_outcomes(questions, primary, behaviours=behaviours)
    except PanelError as error:
        return Absent(str(error))
    return with_note(many, study.note)


def many_outcomes(
    questions: Iterable[Question], primary: str, *, behaviours: Collection[str] = ()
) -> ManyOutcomes:
    """Ask all questions of one programme in the same placebo neighbourhoods.

    Parameters
    ----------
    questions : list of Question
        Of the same treated areas; their data may be monthly, quarterly or yearly.
    primary : str
        Identifier of the indicator that was chosen before looking.

    Raises
    ------
    ParameterError
        No question of that name, a name that is repeated, or questions of different areas.
    PanelError
        The primary question cannot be answered, or no placebo has data for all.
    """
    questions = list(questions)
    named = {question.indicator.indicator_id: question for question in questions}
    if primary not in named:
        hint = did_you_mean(primary, named)
        raise ParameterError(f"The primary outcome {primary!r} is not among those asked.{hint}")
    treated = {tuple(question.areas[question.treated]) for question in questions}
    if len(named) < len(questions) or len(treated) > 1:
        raise ParameterError(
            "Questions need names of their own, and must all be of the same treated areas."
        )
    read, left_out = _complete(named)
    found: dict[str, Asked] = {}
    groups = placebo_groups(next(iter(read.values()))) if read else None
    for name, question in read.items():
        try:
            found[name] = Asked(question, estimate(question, checks=False, placebos=groups))
        except LspError as error:
            left_out.append((name, str(error)))
    if primary not in found:
        raise PanelError(f"The primary outcome cannot be judged: {dict(left_out)[primary]}")
    statistics = np.column_stack([asked.effect.statistics for asked in found.values()])
    table = pd.DataFrame(map(_row, found.values()), index=pd.Index(found, name="outcome"))
    table.insert(1, "kind", ["behaviour" if name in behaviours else "outcome" for name in found])
    table.insert(3, "primary", table.index == primary)
    table["p_adjusted"] = romano_wolf(statistics)
    return ManyOutcomes(
        primary=primary,
        table=table,
        omnibus_p=omnibus(statistics, _levels(found.values(), groups)),
        n_placebos=len(statistics) - 1,
        level=found[primary].question.level,
        left_out=tuple(left_out),
        statistics=pd.DataFrame(statistics, columns=list(found)),
    )


def _complete(questions: dict[str, Question]) -> tuple[dict[str, Question], list[tuple[str, str]]]:
    """Every question among the areas that have all values of all of them, in one order; and why
    the others are left out. All keep the neighbours of the first."""
    whole = {name: one.areas[one.known.all(axis=1)] for name, one in questions.items()}
    missing = "Some of the treated areas' values are missing."
    left_out = [
        (name, missing)
        for name, one in questions.items()
        if not one.areas[one.treated].isin(whole[name]).all()
    ]
    counts = {name: len(areas) for name, areas in whole.items() if name not in dict(left_out)}
    usual = np.median([*counts.values()]) if counts else 0
    left_out += [
        (name, f"Only {count} areas have all its values, against {usual:.0f}.")
        for name, count in counts.items()
        if count < LEAST_SHARED * usual
    ]
    kept = [name for name in questions if name not in dict(left_out)]
    if not kept:
        return {}, left_out
    shared = reduce(pd.Index.intersection, (whole[name] for name in kept))
    found = {name: questions[name].among(questions[name].areas.isin(shared)) for name in kept}
    near = found[kept[0]].neighbours
    return {name: replace(one, neighbours=near) for name, one in found.items()}, left_out


def _levels(found: Iterable[Asked], groups: np.ndarray) -> np.ndarray:
    """How high each neighbourhood stood before the start, on average over standardised outcomes."""
    levels = []
    for asked in found:
        panel = read_panel(asked.question)
        members = np.vstack([asked.question.treated, groups]).astype(float)
        total, exposure = panel.sums(members, panel.before)
        level = total / np.maximum(exposure, 1e-12)
        levels.append((level - level[1:].mean()) / max(level[1:].std(), 1e-12))
    return np.mean(levels, axis=0)


def _row(asked: Asked) -> dict[str, object]:
    size, found = asked.size, asked.effect
    shares = [100 * x for x in (found.relative, found.relative_low, found.relative_high)]
    as_share = bool(np.isfinite(shares[0]))
    scale, shown = Scale(as_share, found.unit, found.level), shares if as_share else size[:3]
    return {
        "label": asked.question.label,
        "polarity": asked.question.polarity,
        **dict(zip(("relative", "low", "high"), shares, strict=True)),
        "p_value": size.p_value,
        "smallest": 100 * found.smallest_relative,
        "size": scale.gap(shown[0]),
        "interval": scale.within(*shown[1:]),
        "sign": np.sign(size.estimate),
    }


def romano_wolf(statistics: np.ndarray) -> np.ndarray:
    """Step-down p-values, one per outcome, from one row per neighbourhood (treated first).

    The largest statistic is ranked among the placebos' largest over all outcomes, the next among
    their largest over those that remain, and so on; p-values never fall along the way.

    Parameters
    ----------
    statistics : array (1 + B, outcomes)
        Each column on its own scale: columns are put in units of the placebos' root mean square.
    """
    sizes = np.abs(in_units(statistics))
    order = np.argsort(-sizes[0], kind="stable")
    remaining = np.maximum.accumulate(sizes[1:, order][:, ::-1], axis=1)[:, ::-1]
    beaten = (remaining >= sizes[0, order] * (1 - 1e-12)).sum(axis=0)
    return np.maximum.accumulate((beaten + 1) / len(sizes))[np.argsort(order)]


def omnibus(statistics: np.ndarray, levels: np.ndarray | None = None) -> float:
    """p-value that nothing happened to any outcome: rank of the mean square.

    Parameters
    ----------
    statistics : array (1 + B, outcomes)
    levels : array (1 + B,), optional
        How high each neighbourhood stood before the start. Outcomes go together more where events
        are many, so that squares add up to more in the worst neighbourhood than in its placebos:
        what outcomes have in common, and the rest, are each scaled for how they grow with level.
    """
    units = in_units(statistics)
    if levels is None or units.shape[1] < 2 or len(units) <= _FEWEST_FOR_GROWTH:
        squares = (units**2).mean(axis=1)
    else:
        shared = np.linalg.svd(units[1:], full_matrices=False)[2][0]
        common = units @ shared
        rest = ((units - np.outer(common, shared)) ** 2).sum(axis=1)
        squares = _evened(common**2, levels) + _evened(rest, levels)
    return rank_p(squares[0], squares[1:])[1]


def _evened(squares: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Squares over how large those of placebos of the same level are, as a share of their mean."""
    above = np.maximum(levels - levels[1:].min(), 0) ** 2
    parts = np.column_stack([np.ones(len(levels)), above])
    usual = parts @ nnls(parts[1:], squares[1:])[0] / max(squares[1:].mean(), 1e-12)
    return squares / np.maximum(usual, _LEAST_USUAL)


def in_units(statistics: np.ndarray) -> np.ndarray:
    """Statistics in units of the placebos' root mean square, column by column."""
    scale = np.sqrt((statistics[1:] ** 2).mean(axis=0))
    return statistics / np.maximum(scale, 1e-12)


COLUMNS = {"label": "Measure", "relative": "Estimate (%)", "low": "Low (%)", "high": "High (%)"}


def truth_beside(
    study: Study, found: ManyOutcomes, place: str | Area, start: pd.Period | str = ""
) -> Table | wording.Sentence:
    """The true effects, in per cent, beside those estimated; or why none are known.

    Parameters
    ----------
    place : str or Area
        What `found` is about: the truth is known of the area that had the programme.
    start : Period or str, optional
        When the programme asked about began: the truth is that of the date it was simulated for.
    """
    if not found:
        return found.sentence()
    file = study.path / "truth.json"
    if not file.exists():
        why = "these data are simulated, but what was put into them is not on record"
        if not study.simulated:
            why = "this study says nothing of what would have happened without the programme, as "
            why += "no study of real data can"
        return wording.Sentence(
            f"There is no known truth here: {why}. How far to trust the finding rests on the "
            "checks, the other methods and the false positive rate above."
        )
    told = untrusted.read_json(file, untrusted.schema("truth"))
    home, began = told["pilot"]["area_code"], as_date(told["pilot"]["start"])
    asked = as_date(start) if start else began
    if not asked.start_time <= began.start_time <= asked.end_time:
        return wording.Sentence(
            f"The simulated programme began in {wording.period(began)}, and what was asked about "
            f"is {wording.period(asked)}: no truth is on record for that."
        )
    if set(study.area(place).members) != {home}:
        return wording.Sentence(
            f"The simulation put its effects into {home} alone, and this is another "
            "neighbourhood: what is true of it as a whole is not on record."
        )
    true = {name: 100 * effect["pilot"]["relative"] for name, effect in told["effects"].items()}
    rows = found.summary_frame().rename(columns=COLUMNS)
    rows.insert(1, "True effect (%)", rows.index.map(true))
    rows = rows[rows.index.isin(true)][["Measure", "True effect (%)", *list(COLUMNS.values())[1:]]]
    if rows.empty:
        return wording.Sentence("The simulation keeps no truth about these measures.")
    inside = rows["True effect (%)"].between(rows["Low (%)"], rows["High (%)"])
    rows["In the interval"] = inside.map({True: "yes", False: "no"})
    said = []
    if found.primary in rows.index:
        true, estimated = rows.loc[found.primary, ["True effect (%)", "Estimate (%)"]].map(percent)
        where = "inside" if inside[found.primary] else "outside"
        said.append(
            f"The outcome named in advance was in truth {true}, by the estimate {estimated}; the "
            f"truth lies {where} its interval."
        )
    if len(rows) > 1:
        held = wording.of_total(int(inside.sum()), len(rows))
        said.append(f"Intervals that hold the truth: {held}.")
    return figures.table(
        rows.reset_index(drop=True),
        caption="What the simulation did, beside what was estimated",
        note=" ".join(said),
    )
