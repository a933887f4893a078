"""Which columns of a table hold the areas, the periods and the numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import pandas as pd

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.study import periods as spans
from lsp_analysis.study.add import headings
from lsp_analysis.study.add.grids import Grid
from lsp_analysis.study.add.headings import NUMBERS, Header
from lsp_analysis.study.add.layouts import Answers, Layout
from lsp_analysis.study.add.places import Places, plain_name, size_of

SHOWN = 3
SAMPLE = 2_000  # rows that say what a column holds
DAMAGED = 0.05  # share of rows that may be mixed up while columns still tell what they are
FAR_ABOVE = 2  # times the total, from which a part is no part but a mistake
EMBEDDED = re.compile(
    rf"year ending [a-z]+ (?:19|20)\d\d|\b(?:{spans.NAMED_MONTH}) (?:19|20)\d\d"
    r"|mid[- ]?(?:19|20)\d\d|(?:19|20)\d\d[/-]\d\d(?!\d)"
    r"|(?:19|20)\d\d ?q[1-4]|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?!\d)|(?<!\d)(?:19|20)\d\d(?!\d)",
    re.IGNORECASE,
)
WHOLE = re.compile(
    r"(?:.*: ?)?(?:total\b.*|all (?:categories|usual residents|households|people|persons)\b.*)"
)
AREA_HEADING = re.compile(
    r"(?:area|lsoa|msoa|ward|wd|lad|la|geography|gss|ons|neighbourhood|borough|localauthority)?"
    r"(?:code|name|\d*(?:cd|nm))|area|lsoa|msoa|ward|borough|localauthority"
)


@dataclass(frozen=True)
class Measure:
    """Columns that together make one observation a row; several in one role are added up."""

    name: str
    columns: Mapping[str, tuple[int, ...]]
    span: spans.Span | None = None


@dataclass
class Plan:
    """Which column of one grid is what."""

    grid: Grid
    header: Header
    places: Places
    answers: Answers
    sample: Sequence[Sequence[str]]  # cells of each column in the first rows
    layout: Layout | None = None
    roles: dict[str, int] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)  # of the smallest areas first
    by_name: bool = False
    dates: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def measured(self) -> set[int]:
        """The columns of numbers that are read."""
        return {at for one in self.measures for ats in one.columns.values() for at in ats}

    def name(self, at: int) -> str:
        """Heading of a column."""
        return self.header.heading(at)


def plan_columns(
    grid: Grid,
    head: Sequence[Sequence[str]],
    header: Header,
    places: Places,
    answers: Answers,
    layouts: Sequence[Layout],
) -> Plan:
    """What each column of `grid` is, told by headings, content and what was answered.

    Parameters
    ----------
    head : its first rows.
    layouts : publishers' tables, the first that fits is taken.

    Raises
    ------
    SourceError
        Two columns may be meant alike.
    """
    rows, width = head[header.data_row : header.data_row + SAMPLE], range(len(header.names))
    sample = [[row[at] if at < len(row) else "" for row in rows] for at in width]
    plan = Plan(grid, header, places, answers, sample)
    told = " ".join([grid.place, *header.title]).casefold()
    names = [plan.name(at) for at in width]
    fits = ((layout, layout.columns(names)) for layout in layouts if layout.named in told)
    plan.layout, given = next((fit for fit in fits if fit[1] is not None), (None, {}))
    numbers = {role: at for role, at in given.items() if role in (*NUMBERS, "check")}
    plan.codes = _code_columns(plan)
    taken = {*plan.codes, *chain(*given.values())}
    free = [at for at in width if at not in taken]
    fixed = {role: at[0] for role, at in given.items() if role not in numbers}
    plan.roles = headings.roles_of(header.names, free) | fixed
    units = [at for at in free if headings.fold(header.names[at]) in headings.SPELLINGS["unit"]]
    plan.units = [at for at in units if at != plan.roles.get("indicator_name")]
    plan.dates = _date_columns(plan)
    special = plan.layout or Layout("", "")
    plan.answers = replace(
        answers, period=answers.period or special.period, freq=answers.freq or special.freq
    )
    what = special.indicator.get("name", "")
    for at in chain(*numbers.values()) if numbers else free:
        strange = headings.with_other_marks(sample[at], f"{names[at]} {what}")
        if strange:
            raise SourceError(
                f'{grid.place}, column "{names[at]}" has numbers such as "{strange}", '
                "with a comma for decimals or a dot for thousands. Save it with points for "
                "decimals and commas, or nothing, for thousands."
            )
    plan.measures = [Measure("", numbers)] if numbers else _measures(plan, free)
    return plan


def _code_columns(plan: Plan) -> list[int]:
    names, places, answer = plan.header.names, plan.places, plan.answers.code_column
    if answer:
        found = [
            at for at, name in enumerate(names) if headings.fold(name) == headings.fold(answer)
        ]
        if found:
            return found[:1]
        raise SourceError(
            f'{plan.grid.place} has no column "{answer}".{did_you_mean(answer, names)} '
            f"It has {', '.join(filter(None, names))}."
        )
    codes = {at: list(map(places.code_in, cells)) for at, cells in enumerate(plan.sample)}
    real = {at: list(filter(None, codes[at])) for at in codes}
    coded = [at for at in real if real[at] and 2 * len(real[at]) >= sum(map(bool, plan.sample[at]))]
    if not coded:
        return _name_column(plan)
    level = {at: Counter(map(places.level, real[at])).most_common(1)[0][0] for at in coded}
    coded.sort(key=lambda at: size_of(level[at]))
    varying = [at for at in coded if len(set(codes[at])) > 1] or coded
    best = [at for at in varying if size_of(level[at]) == size_of(level[varying[0]])]
    main, *more = [at for at in best if not any(c[:1].isdigit() for c in codes[at])] or best
    if any(a != b for at in more for a, b in zip(codes[at], codes[main], strict=True) if a and b):
        quoted = [f'"{names[at]}"' for at in (main, *more)]
        raise SourceError(
            f"{plan.grid.place} has several columns of {level[main]} codes that differ: "
            f"{', '.join(quoted)}. Say which with --code-column {quoted[0]}."
        )
    coded.remove(main)
    if any(level[at] != level[main] for at in coded):
        said = ", ".join(f'"{names[at]}" ({level[at] or "other"})' for at in coded)
        plan.notes.append(
            f'codes of "{names[main]}" ({level[main] or "other"}), not those of {said}'
        )
    return [main, *coded]


def _name_column(plan: Plan) -> list[int]:
    """The column with the names of most areas, whose codes are then looked up."""
    known = plan.places.names.keys()
    met = [len({plain_name(cell) for cell in cells if cell} & known) for cells in plan.sample]
    if any(met):
        plan.by_name = True
        return [met.index(max(met))]
    for at, name in enumerate(plan.header.names):
        if AREA_HEADING.fullmatch(headings.fold(name)):
            plan.by_name = all(re.search("[a-z]{3}", cell.casefold()) for cell in plan.sample[at])
            return [at]
    raise SourceError(
        f"{plan.grid.place} names no area of the study, by code or by name. Name the column of "
        "codes with --code-column, or add a column with the areas' codes."
    )


def _date_columns(plan: Plan) -> list[int]:
    """The columns that together name a row's period; none when headings or titles do."""
    names, roles = [headings.fold(name) for name in plan.header.names], plan.roles
    if plan.answers.period:
        wanted = headings.fold(plan.answers.period)
        return [names.index(wanted)] if wanted in names else []
    if {"period_start", "period_end"} <= roles.keys():
        return [roles["period_start"], roles["period_end"]]
    if "period" not in roles:
        return []
    part = next((names.index(one) for one in ("month", "quarter") if one in names), None)
    years = [at for at, one in enumerate(names) if re.fullmatch(r"\w{0,9}year", one)]
    if part is not None and years and not any(re.search(r"\d{4}", c) for c in plan.sample[part]):
        return [years[0], part]
    return [roles[role] for role in ("period", "period_kind") if role in roles]


def _measures(plan: Plan, free: Sequence[int]) -> list[Measure]:
    folded = {at: headings.fold(plan.name(at)) for at in free}
    _tell_unread(plan, [at for at in free if headings.NOT_OFFERED.fullmatch(folded[at])])
    used = {at for role, at in plan.roles.items() if role not in NUMBERS}
    used |= {*plan.dates, *plan.units}
    numeric = [
        at
        for at in free
        if at not in used
        and headings.fold(plan.header.names[at]) not in headings.SPELLINGS["period"]
        and not headings.NO_MEASURE.fullmatch(folded[at])
        and not headings.NOT_OFFERED.fullmatch(folded[at])
        and (
            headings.is_numeric(plan.sample[at])
            or (at in plan.roles.values() and bool(plan.header.names[at]))
            or (not plan.dates and spans.may_be_period(plan.header.names[at]))
        )
    ]
    dated = {} if plan.dates else _heading_spans(plan, numeric)
    facts = {at: _describe(plan, at, dated) for at in numeric}
    roles = {at: headings.measure_role(text) for at, (_, text) in facts.items()}
    if not {"numerator", "value"} & set(roles.values()):
        return _by_column(plan, facts)
    groups: dict[spans.Span | None, dict[str, tuple[int, ...]]] = {}
    for at, role in roles.items():
        columns = groups.setdefault(facts[at][0], {})
        if role and role in columns:
            raise SourceError(
                f"{plan.grid.place} has several columns that may be meant, "
                f'"{plan.name(columns[role][0])}" and "{plan.name(at)}". Rename the one that is '
                "not, or delete it."
            )
        if role:
            columns[role] = (at,)
    _tell_unread(plan, [at for at, role in roles.items() if not role])
    shared = groups.pop(None, {}) if len(groups) > 1 else {}
    made = [Measure("", {**shared, **columns}, span) for span, columns in groups.items()]
    return [one for one in made if {"numerator", "value"} & one.columns.keys()]


def _heading_spans(plan: Plan, numeric: Sequence[int]) -> dict[str, spans.Span | None]:
    """The period each heading of a column of numbers names, where two or more do."""
    texts = {text for at in numeric for text in (plan.header.tops[at], plan.header.names[at])}
    dated = [text for text in texts if text and spans.may_be_period(text)]
    if len(dated) < 2 and not any(plan.header.tops):
        return {}
    corner = next((name for name in plan.header.names if name), "")
    return spans.spans_of(sorted(dated), corner, freq=plan.answers.freq)


def _describe(
    plan: Plan, at: int, dated: Mapping[str, spans.Span | None]
) -> tuple[spans.Span | None, str]:
    """The period in a column's headings, and what is left of them."""
    top, name = plan.header.tops[at], plan.header.names[at]
    for text, rest in ((top, name), (name, top)):
        if dated.get(text) is not None:
            return dated[text], rest
    whole = plan.name(at)
    plain = whole.replace("_", " ")
    match = None if plan.dates else EMBEDDED.search(plain)
    span = spans.read_span(match[0]) if match else None
    if match is None or span is None:
        return None, whole
    rest = f"{plain[: match.start()]} {plain[match.end() :]}"
    ending = plan.layout.ending if plan.layout else 12 * ("rolling" in rest.casefold())
    if ending and span.months < ending:
        span = spans.months_to(span.end, ending)
    rest = re.sub(r"rolling ?(?:yr|year)?s?|\(\s*\)", " ", rest, flags=re.IGNORECASE)
    return span, " ".join(rest.split()).replace("( ", "(").replace(" )", ")")


def _by_column(plan: Plan, facts: Mapping[int, tuple[spans.Span | None, str]]) -> list[Measure]:
    """Each column of numbers a measure of its own, over that of totals if there is one."""
    whole = [at for at, (_, text) in facts.items() if WHOLE.fullmatch(text.casefold())]
    if len(facts) == 2 and not whole:
        roles = {at: headings.measure_role(text) for at, (_, text) in facts.items()}
        whole = [at for at, role in roles.items() if role == "denominator"]
    whole = whole if len(whole) == 1 and len(facts) > 1 else []
    if whole and _exceeded(plan, whole[0], [*facts]):
        plan.notes.append(
            f'"{plan.name(whole[0])}" is less than other columns, so it is not taken as their total'
        )
        whole = []
    role, base = ("numerator", {"denominator": (whole[0],)}) if whole else ("value", {})
    return [
        Measure(text, {role: (at,), **base}, span)
        for at, (span, text) in facts.items()
        if at not in whole
    ]


def _exceeded(plan: Plan, whole: int, columns: Sequence[int]) -> bool:
    """Whether a column exceeds that of totals, but for a few rows whose cells are mixed up."""
    cells = pd.DataFrame({at: plan.sample[at] for at in columns}, dtype="str")
    numbers = cells.apply(headings.numbers_in)
    above = numbers.gt(numbers[whole], axis=0)
    far = above & numbers.ge(FAR_ABOVE * numbers[whole], axis=0)
    mixed_up, rows = above.any(axis=1).sum(), numbers[whole].notna().sum()
    return bool(far.any(axis=None) or mixed_up > DAMAGED * rows)


def _tell_unread(plan: Plan, columns: Sequence[int]) -> None:
    if columns:
        more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
        quoted = ", ".join(f'"{plan.name(at)}"' for at in columns[:SHOWN])
        plan.notes.append(f"columns not read: {quoted}{more}")
