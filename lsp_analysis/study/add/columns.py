"""Which columns of a table hold the areas, the periods and the numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.study import periods as spans
from lsp_analysis.study.add import headings
from lsp_analysis.study.add.grids import Grid
from lsp_analysis.study.add.headings import NUMBERS, Header
from lsp_analysis.study.add.layouts import Answers, Layout
from lsp_analysis.study.add.places import Places, code_in, plain_name, size_of

SHOWN = 3
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
    sample: Sequence[Sequence[str]]
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
    sample: Sequence[Sequence[str]],
    header: Header,
    places: Places,
    answers: Answers,
    layouts: Sequence[Layout] = (),
) -> Plan:
    """What each column of `grid` is, told by headings, content and what was answered.

    Parameters
    ----------
    sample : cells of each column in the first rows of the table.
    layouts : publishers' tables, the first that fits is taken.

    Raises
    ------
    SourceError
        Two columns may be meant alike.
    """
    plan = Plan(grid, header, sample)
    names = [plan.name(at) for at in range(len(header.names))]
    given: dict[str, tuple[int, ...]] = {}
    told = " ".join([grid.place, *header.title]).casefold()
    for layout in layouts:
        columns = layout.columns(names) if layout.named in told else None
        if columns is not None:
            plan.layout, given = layout, columns
            break
    fixed = {role: at[0] for role, at in given.items() if role not in (*NUMBERS, "check")}
    plan.codes = _code_columns(plan, places, answers)
    taken = {*plan.codes, *fixed.values(), *(at for ats in given.values() for at in ats)}
    free = [at for at in range(len(names)) if at not in taken]
    plan.roles = {**headings.roles_of(header.names, free), **fixed}
    named = plan.roles.get("indicator_name")
    units = headings.SPELLINGS["unit"]
    plan.units = [at for at in free if headings.fold(header.names[at]) in units and at != named]
    plan.dates = _date_columns(plan, answers)
    numbers = {role: at for role, at in given.items() if role in (*NUMBERS, "check")}
    _refuse_other_marks(plan, {at for ats in numbers.values() for at in ats})
    plan.measures = [Measure("", numbers)] if numbers else _measures(plan, free, answers)
    return plan


def _code_columns(plan: Plan, places: Places, answers: Answers) -> list[int]:
    names = plan.header.names
    if answers.code_column:
        wanted = headings.fold(answers.code_column)
        found = [at for at, name in enumerate(names) if headings.fold(name) == wanted]
        if found:
            return found[:1]
        raise SourceError(
            f'{plan.grid.place} has no column "{answers.code_column}".'
            f"{did_you_mean(answers.code_column, names)} It has {', '.join(filter(None, names))}."
        )
    facts = []
    for at, cells in enumerate(plan.sample):
        given = [cell for cell in cells if cell]
        codes = [code_in(cell) or (cell if cell in places.own else "") for cell in cells]
        real = [code for code in codes if code]
        if real and len(real) >= 0.5 * len(given):
            level = Counter(map(places.level, real)).most_common(1)[0][0]
            facts.append((at, level, codes))
    if not facts:
        return _name_column(plan, places)
    varying = [fact for fact in facts if len(set(fact[2])) > 1] or facts
    smallest = min(size_of(level) for _, level, _ in varying)
    best = [fact for fact in varying if size_of(fact[1]) == smallest]
    best = [fact for fact in best if not any(code[:1].isdigit() for code in fact[2])] or best
    if any(a != b for fact in best for a, b in zip(fact[2], best[0][2], strict=True) if a and b):
        quoted = [f'"{names[at]}"' for at, *_ in best]
        raise SourceError(
            f"{plan.grid.place} has several columns of {best[0][1]} codes that differ: "
            f"{', '.join(quoted)}. Say which with --code-column {quoted[0]}."
        )
    main, level, _ = best[0]
    others = sorted((f for f in facts if f[0] != main), key=lambda fact: size_of(fact[1]))
    if any(one[1] != level for one in others):
        said = ", ".join(f'"{names[at]}" ({kind or "other"})' for at, kind, _ in others)
        plan.notes.append(f'codes of "{names[main]}" ({level or "other"}), not those of {said}')
    return [main, *(at for at, *_ in others)]


def _name_column(plan: Plan, places: Places) -> list[int]:
    """The column with the names of most areas, whose codes are then looked up."""
    found = [
        (len({plain_name(cell) for cell in cells if cell} & places.names.keys()), -at)
        for at, cells in enumerate(plan.sample)
    ]
    if found and max(found)[0]:
        plan.by_name = True
        return [-max(found)[1]]
    for at, name in enumerate(plan.header.names):
        if AREA_HEADING.fullmatch(headings.fold(name)):
            plan.by_name = all(re.search("[a-z]{3}", cell.casefold()) for cell in plan.sample[at])
            return [at]
    raise SourceError(
        f"{plan.grid.place} names no area of the study, by code or by name. Name the column of "
        "codes with --code-column, or add a column with the areas' codes."
    )


def _date_columns(plan: Plan, answers: Answers) -> list[int]:
    """The columns that together name a row's period; none when headings or titles do."""
    names = [headings.fold(name) for name in plan.header.names]
    if answers.period:
        wanted = headings.fold(answers.period)
        return [names.index(wanted)] if wanted in names else []
    if {"period_start", "period_end"} <= plan.roles.keys():
        return [plan.roles["period_start"], plan.roles["period_end"]]
    if "period" not in plan.roles:
        return []
    part = next((names.index(one) for one in ("month", "quarter") if one in names), None)
    years = [at for at, one in enumerate(names) if re.fullmatch(r"\w{0,9}year", one)]
    if part is not None and years and not any(re.search(r"\d{4}", c) for c in plan.sample[part]):
        return [years[0], part]
    kind = plan.roles.get("period_kind")
    return [plan.roles["period"], *([kind] if kind is not None else [])]


def _numeric(plan: Plan, free: Sequence[int]) -> list[int]:
    """The columns of measurements among `free`."""
    used = {at for role, at in plan.roles.items() if role not in NUMBERS}
    used |= {*plan.dates, *plan.units}
    return [
        at
        for at in free
        if at not in used
        and headings.fold(plan.header.names[at]) not in headings.SPELLINGS["period"]
        and not headings.NO_MEASURE.fullmatch(headings.fold(plan.name(at)))
        and not headings.NOT_OFFERED.fullmatch(headings.fold(plan.name(at)))
        and (
            headings.is_numeric(plan.sample[at])
            or (at in plan.roles.values() and bool(plan.header.names[at]))
            or (not plan.dates and spans.may_be_period(plan.header.names[at]))
        )
    ]


def _measures(plan: Plan, free: Sequence[int], answers: Answers) -> list[Measure]:
    _refuse_other_marks(plan, free)
    numeric = _numeric(plan, free)
    ranked = [at for at in free if headings.NOT_OFFERED.fullmatch(headings.fold(plan.name(at)))]
    _tell_unread(plan, ranked)
    dated = {} if plan.dates else _heading_spans(plan, numeric, answers)
    facts = {at: _describe(plan, at, dated) for at in numeric}
    roles = {at: headings.measure_role(text) for at, (_, text) in facts.items()}
    if not {"numerator", "value"} & set(roles.values()):
        return _by_column(plan, facts)
    groups: dict[spans.Span | None, dict[str, tuple[int, ...]]] = {}
    for at, role in roles.items():
        columns = groups.setdefault(facts[at][0], {})
        if role and role in columns:
            _refuse_twins(plan, columns[role][0], at)
        if role:
            columns[role] = (at,)
    _tell_unread(plan, [at for at, role in roles.items() if not role])
    shared = groups.pop(None, {}) if len(groups) > 1 else {}
    made = [Measure("", {**shared, **columns}, span) for span, columns in groups.items()]
    return [one for one in made if {"numerator", "value"} & one.columns.keys()]


def _refuse_other_marks(plan: Plan, columns: Iterable[int]) -> None:
    what = str(plan.layout.indicator.get("name", "")) if plan.layout else ""
    for at in columns:
        strange = headings.with_other_marks(plan.sample[at], f"{plan.name(at)} {what}")
        if strange:
            raise SourceError(
                f'{plan.grid.place}, column "{plan.name(at)}" has numbers such as "{strange}", '
                "with a comma for decimals or a dot for thousands. Save it with points for "
                "decimals and commas, or nothing, for thousands."
            )


def _heading_spans(
    plan: Plan, numeric: Sequence[int], answers: Answers
) -> dict[str, spans.Span | None]:
    """The period each heading of a column of numbers names, where two or more do."""
    texts = {text for at in numeric for text in (plan.header.tops[at], plan.header.names[at])}
    dated = [text for text in texts if text and spans.may_be_period(text)]
    if len(dated) < 2 and not any(plan.header.tops):
        return {}
    corner = next((name for name in plan.header.names if name), "")
    return spans.spans_of(sorted(dated), corner, freq=answers.freq)


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
    if len(facts) == 2:
        whole = whole or [
            at for at, (_, text) in facts.items() if headings.measure_role(text) == "denominator"
        ]
    if len(whole) == 1 and len(facts) > 1 and not _is_whole(plan, whole[0], facts):
        plan.notes.append(
            f'"{plan.name(whole[0])}" is less than other columns, so it is not taken as their total'
        )
    elif len(whole) == 1 and len(facts) > 1:
        base = (whole[0],)
        return [
            Measure(text, {"numerator": (at,), "denominator": base}, span)
            for at, (span, text) in facts.items()
            if at != whole[0]
        ]
    return [Measure(text, {"value": (at,)}, span) for at, (span, text) in facts.items()]


def _is_whole(plan: Plan, whole: int, others: Mapping[int, object]) -> bool:
    """Whether no column exceeds the one of totals, but for rows whose cells are mixed up."""
    rows, mixed_up = 0, set()
    for row, total in enumerate(plan.sample[whole]):
        everyone = headings.number_in(total)
        rows += everyone is not None
        for at in others:
            one = headings.number_in(plan.sample[at][row])
            if one and everyone and float(one[0]) > float(everyone[0]):
                if float(one[0]) < FAR_ABOVE * float(everyone[0]):
                    return False
                mixed_up.add(row)
    return len(mixed_up) <= DAMAGED * rows


def _refuse_twins(plan: Plan, one: int, other: int) -> None:
    raise SourceError(
        f'{plan.grid.place} has several columns that may be meant, "{plan.name(one)}" and '
        f'"{plan.name(other)}". Rename the one that is not, or delete it.'
    )


def _tell_unread(plan: Plan, columns: Sequence[int]) -> None:
    if columns:
        more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
        quoted = ", ".join(f'"{plan.name(at)}"' for at in columns[:SHOWN])
        plan.notes.append(f"columns not read: {quoted}{more}")
