"""Does the finding depend on who it is compared with, and what did areas as bad do anyway?

Areas picked for looking worst improve without a programme.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from lsp_analysis import wording
from lsp_analysis.effects.checks.around import steps_away
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.one_area.neighbourhoods import disjoint_rows, placebo_groups, read_panel
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.study.asking.table import need_columns
from lsp_analysis.study.question import Question

FEWEST = 10  # comparison areas that a pool must have
FEWEST_TO_LEAVE = 3  # comparison areas, so that two are left
SHOWN = 12  # placebos left out in turn: those that move the effect farthest
TOO_MUCH = 0.25  # of the interval's half-width, by which one area may move the effect
ENOUGH = 0.1  # the same, where leaving the area out also changes whether the effect is clear
FAR = 0.5  # of the half-width, by which another choice of areas may move the effect
# Tables of a study, and their columns that say what was done where and when.
DOINGS = {"interventions": ["name", "area_code", "start"], "events": ["label", "area_code", "date"]}
ENOUGH_AREAS = 30  # in a choice, for how far it moves the effect to mean something


def leave_one_out(asked: Asked) -> CheckResult:
    """How far the effect moves when one placebo at a time is left out of the regression.

    "failed" when one moves it by more than a quarter of the interval's half-width, or by a tenth
    and with it whether the interval leaves out 0; "too little to tell" with one or two comparison
    areas.
    """
    name, placebos, half = "Leave one comparator out", asked.effect.placebos, asked.half_width
    count = int(asked.question.comparison.sum())
    if count < FEWEST_TO_LEAVE:
        areas = wording.counted(count, "comparison area")
        finding = f"With {areas} too few are left to compare with once one is taken out."
        return CheckResult(name, UNSURE, finding)
    moved = (placebos["without"] - asked.own_units).abs()
    farthest = placebos.loc[moved.sort_values(ascending=False, kind="stable").index[:SHOWN]]
    without, areas = farthest["without"].to_numpy(), farthest["areas"].astype(str)
    table = pd.DataFrame({"label": ("without " + areas).to_numpy()})
    for column, side in (("estimate", 0.0), ("low", -half), ("high", half)):
        table[column] = asked.shown(without + side)
    size = asked.question.treated.sum()  # a placebo of several areas counts by area
    share = float(moved.max()) / size / half if half else np.inf
    worst = np.isin(asked.question.areas.astype(str), areas.iloc[0].split())
    again = asked.among(asked.question.comparison & ~worst)
    turns = again is not None and again.size.clear != asked.size.clear
    status = FAILED if share > TOO_MUCH or (share > ENOUGH and turns) else PASSED
    low, high = asked.runs(table["estimate"])
    finding = (
        f"Whichever of {wording.counted(len(placebos), 'placebo neighbourhood')} is left out, the "
        f"effect stays between {low} and {high} (with all: "
        f"{asked.effect.scale.gap(asked.size.estimate)})."
    )
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest)


def comparison_choice(asked: Asked) -> CheckResult:
    """The effect against other choices of comparison areas.

    "failed" when a choice moves it by more than half of the interval's half-width (twice what
    happens in sound boroughs, see ``benchmarks/checks.py``), turns a clear effect's direction, or
    is clear in the opposite direction from another; "too little to tell" when a clear effect is not
    clear with each of them.
    """
    whole, half = asked.size, asked.half_width
    rows = [whole.row("all but neighbours")]
    outside, unclear = [], []
    for label, found, count in other_choices(asked):
        size = found.size
        rows.append(size.row(label))
        turned = whole.clear and size.estimate * whole.estimate < 0
        far = abs(found.own_units - asked.own_units) > FAR * half and count >= ENOUGH_AREAS
        if turned or far or not whole.low <= size.estimate <= whole.high:
            outside.append(label)
        if whole.clear and not size.clear and count >= ENOUGH_AREAS:
            unclear.append(label)
    table, choices = pd.DataFrame(rows), wording.counted(len(rows), "choice")
    low, high = asked.runs(table["estimate"])
    opposed = (table["low"] > 0).any() and (table["high"] < 0).any()
    status = FAILED if outside or opposed else UNSURE if unclear else PASSED
    finding = f"Over {choices} of comparison areas it runs from {low} to {high}."
    if len(rows) == 1:
        status, finding = UNSURE, "There are too few areas to choose other comparisons from."
    elif outside:
        finding = f"{finding[:-1]}; too far from the rest with {wording.and_list(outside)}."
    elif unclear:
        finding += f" It is no longer clear of chance with {wording.and_list(unclear)} alone."
    return CheckResult("Comparison pool", status, finding, table, "draw_forest", asked.forest)


def contaminated_comparators(asked: Asked) -> CheckResult:
    """Whether something else was done in comparison areas, or in the neighbourhood itself.

    Looks through the study's interventions and events; those of areas that hold the whole borough
    touch all alike and are left aside.
    """
    name, question, context = "Contaminated comparators", asked.question, asked.question.context
    if all(context.get(source) is None for source in DOINGS):
        said = "No list of other programmes or events was given to look through."
        return CheckResult(name, UNSURE, said)
    rows, touched = _other_doings(question)
    table = pd.DataFrame(rows, columns=["label", "date", "where", "areas"])
    at_home = table[table["where"] == "here"]
    if len(at_home):
        said = (
            f"Something else began in the neighbourhood: {wording.and_list(at_home['label'])}. "
            "What the programme did cannot be told apart from what that did."
        )
        return CheckResult(name, FAILED, said, table)
    if not touched.any():
        said = "No other programme or event is on record in any comparison area."
        return CheckResult(name, PASSED, said, table)
    clean = question.comparison & ~touched
    found = asked.among(clean | question.ring) if clean.sum() >= FEWEST else None
    if found is None:
        said = "Almost every comparison area had a programme of its own."
        return CheckResult(name, UNSURE, said, table)
    size, whole = found.size, asked.size
    same_way = size.estimate * whole.estimate > 0 or not whole.clear
    stands = whole.low <= size.estimate <= whole.high and same_way and size.clear == whole.clear
    finding = (
        f"Something was done in {wording.counted(int(touched.sum()), 'comparison area')}; without "
        f"them the effect is {asked.effect.scale.gap(size.estimate)} (with them "
        f"{asked.effect.scale.gap(whole.estimate)})."
    )
    drawn = pd.DataFrame(
        [whole.row("with all comparison areas"), size.row("without those something was done in")]
    )
    status = PASSED if stands else FAILED
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest, drawn)


def other_choices(asked: Asked) -> list[tuple[str, Asked, int]]:
    """The effect against other choices of comparison areas: name, effect, and how many areas."""
    question = asked.question
    comparison, recent = question.comparison, question.just_before(question.cycle)
    levels = question.compared[:, recent].mean(axis=1)
    gap = np.abs(levels - np.nanmean(question.level_of(question.treated)[recent]))
    shares = {"most alike half": 0.5, "most alike quarter": 0.25}
    choices = {label: _nearer(gap, comparison, share) for label, share in shares.items()}
    if question.neighbours is not None:
        nearest = _nearer(steps_away(question), comparison, 0.5)
        choices |= {"nearest half": nearest, "farthest half": comparison & ~nearest}
    counts = {label: int(areas.sum()) for label, areas in choices.items()}
    found = [(name, asked.among(choices[name]), n) for name, n in counts.items() if n >= FEWEST]
    if question.ring.any():
        apart, count = question.neighbours.tolil(), int((comparison | question.ring).sum())
        apart[question.treated, :] = apart[:, question.treated] = False
        too = asked.again(lambda question: replace(question, neighbours=apart.tocsr()))
        found.append(("neighbours too", too, count))
    return [one for one in found if one[1] is not None]


def _nearer(distance: np.ndarray, comparison: np.ndarray, share: float) -> np.ndarray:
    """That share of the comparison areas, nearest first; ties in order of code."""
    areas = np.flatnonzero(comparison)
    order = areas[np.argsort(distance[areas], kind="stable")]
    return np.isin(np.arange(len(comparison)), order[: round(share * len(order))])


def _other_doings(question: Question) -> tuple[list[tuple], np.ndarray]:
    """Rows of what else was done where, and the comparison areas it touched."""
    known, own = set(question.areas), set(question.areas[question.treated])
    members, touched = question.context.get("members", {}), np.zeros(len(known), dtype=bool)
    rows = []
    for source, columns in DOINGS.items():
        table = question.context.get(source)
        table = pd.DataFrame(columns=columns) if table is None else table
        need_columns(table, columns, source)
        for label, code, date in table[columns].itertuples(index=False):
            areas = known & set(members.get(code, [code]))
            if not areas or len(areas) > 0.9 * len(known) or wording.is_missing(date):
                continue
            among_them = question.areas.isin(list(areas)) & question.comparison
            if areas & own:
                own_programme = source == "interventions"
                if own_programme and pd.Period(date, freq=question.dates.freq) > question.start:
                    rows.append((label, date, "here", len(areas)))
            elif among_them.any():
                rows.append((label, date, "comparison areas", int(among_them.sum())))
                touched |= among_them
    return rows, touched


ALIKE = 10  # placebos nearest in level, for the picture
FEWEST_ALIKE = 5  # of them, under which their mean says little
MISLED = 0.5  # share of the neighbourhood's own change that a plain comparison has wrong
LITTLE = 0.25  # of the interval's half-width, below which what such areas did is no matter
STOOD_OUT = 0.1  # share of areas, at both ends, that stood out in the half year before the start
UNLIKE = 0.5  # standard deviations of earlier levels between it and the nearest placebo


def regression_to_the_mean(asked: Asked) -> CheckResult:
    """The neighbourhood's change since the year before, beside that of areas as bad in that year.

    An area that stood out in one year, in part by chance, comes back by itself. The estimate allows
    for that; a plain comparison of before and after does not. So this check does not doubt the
    estimate: it says whether the figures that all can see would mislead them.

    "failed" when the neighbourhood was among the tenth of areas that stood out most in the half
    year before the start, and half or more of its change beyond that of all areas was to be
    expected of any area that looked so. Areas nearer the middle have good and bad years too; theirs
    are chance, which interval and p-value speak of, and pass. "too little to tell" when no area
    looked like it, or there are too few to say who stood out.
    """
    groups = np.vstack([asked.question.treated, placebo_groups(asked.question)])
    table, rank, far = _changes(asked, groups)
    own, expected, alike, everyone = table["estimate"]
    whole, counts = asked.size, asked.effect.multiplicative
    said = wording.percent_change(own / 100) if counts else wording.change(own, asked.effect.unit)
    near = wording.counted(int(table.loc[2, "areas"]), "placebo")
    anyway = (
        f"Since the year before the start it {said}; the change expected of an area that looked "
        f"like it was {_signed(asked, expected)} ({near} nearest to it then: "
        f"{_signed(asked, alike)} together; all: {_signed(asked, everyone)})."
    )
    status, rest = FAILED, (
        "It stood out in the half year before the start, and half or more of its difference "
        "since then also arose in such areas without a programme: a plain comparison would "
        "count that as an effect, and the estimate does not."
    )  # fmt: skip
    if far or table.loc[2, "areas"] < FEWEST_ALIKE:
        status, rest = UNSURE, "No comparison area was as bad, so this rests on extrapolation."
    elif abs(expected - everyone) < LITTLE * (whole.high - whole.low) / 2:
        status, rest = PASSED, "Such areas changed about as much as all areas did."
    elif abs(expected - everyone) < MISLED * abs(own - everyone):
        status, rest = PASSED, "Such areas explain less than half of its difference from all areas."
    elif 2 / len(groups) > STOOD_OUT:
        status, rest = UNSURE, "There are too few areas to say whether it stood out."
    elif rank > STOOD_OUT:
        status = PASSED
        rest = "It did not stand out in the half year before; such swings are chance."
    name, finding = "Regression to the mean", f"{anyway} {rest}"
    unit = "% since the year before" if counts else asked.effect.unit
    options = {"unit": unit, "whiskers": "middle half"}
    return CheckResult(name, status, finding, table, "draw_forest", options)


def _changes(asked: Asked, groups: np.ndarray) -> tuple[pd.DataFrame, float, bool]:
    """Change from the year before the start to after it: its own, the expected, others'; its rank,
    from either end, in the level of the half year before, as a share; and whether it lies far from
    every placebo."""
    question, found = asked.question, asked.effect
    times, counts, panel = question.event_time, found.multiplicative, read_panel(question)

    def parts(when: np.ndarray) -> np.ndarray:
        """Total and exposure of each group over some dates; array (groups, 2)."""
        return np.column_stack(panel.sums(groups.astype(float), when))

    before, after = parts(question.just_before(question.cycle)), parts(times >= 0)
    changes, level = _change(before, after, counts), _level(before)
    order = 1 + np.argsort(np.abs(level[1:] - level[0]), kind="stable")
    near = disjoint_rows(sparse.csr_array(groups), order, ALIKE)
    expected = [found.counterfactual / question.per, 1.0]
    if counts:
        expected = [asked.expected_total, after[0, 1]]
    anyway = _change(before[:1], np.array([expected]), counts)[0]
    rows = [
        ("This neighbourhood", 1, changes[0], np.nan, np.nan),
        ("Expected of an area that looked like it", 1, anyway, np.nan, np.nan),
    ]
    for label, areas in (
        (f"The {len(near)} nearest to it (middle half)", near),
        (f"All {len(groups) - 1} placebos (middle half)", list(range(1, len(groups)))),
    ):
        together = _change(before[areas].sum(axis=0)[None], after[areas].sum(axis=0)[None], counts)
        known = changes[areas][np.isfinite(changes[areas])]
        ends = np.quantile(known, [0.25, 0.75]) if len(known) else (np.nan, np.nan)
        rows.append((label, len(areas), together[0], *ends))
    table = pd.DataFrame(rows, columns=["label", "areas", "estimate", "low", "high"])
    table[["estimate", "low", "high"]] *= 1.0 if counts else question.per
    recent = _level(parts(question.just_before(asked.half_year)))
    rank = 2 * min((recent >= recent[0]).sum(), (recent <= recent[0]).sum()) / len(recent)
    usual = np.log1p(_level(parts(times < 0))) if counts else level
    return table, rank, bool(np.abs(usual[1:] - usual[0]).min() > UNLIKE * usual[1:].std())


def _level(part: np.ndarray) -> np.ndarray:
    """Rates of rows of total and exposure."""
    return part[:, 0] / np.maximum(part[:, 1], 1e-12)


def _change(before: np.ndarray, after: np.ndarray, counts: bool) -> np.ndarray:
    """Change of rows of total and exposure: per cent for counts, missing from zero."""
    old, new = _level(before), _level(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(old > 0, 100 * (new / old - 1), np.nan) if counts else new - old


def _signed(asked: Asked, change: float) -> str:
    if asked.effect.multiplicative and not wording.is_missing(change):
        return f"{wording.difference(change, digits=0 if abs(change) >= 10 else 1)}%"
    return wording.difference(change, asked.effect.unit)
