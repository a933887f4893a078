"""What a design says: every section and field of ``design.toml``, with what each is for.

The classes are the schema. `protocol.read_design` checks a file against them and reports all
problems at once.
"""

# ruff: noqa: RUF009 - every field is made by `says`, which is `dataclasses.field`
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any

from lsp_analysis import wording

METHODS = ("simple", "complete", "blocked", "pairs", "constrained", "wedge")
BOUNDARIES = ("none", "obrien_fleming", "pocock")
MODELS = ("ols", "glm", "gee", "mixed")
ATTRITION = ("lee", "worst_case")
MOST_ROWS = 200_000  # allocations held in memory at once


def says(about: str, default: Any = MISSING, *, of: str = "", **rules: Any) -> Any:
    """A field: what it is for, its default, its rules (``choices``, ``least``, ``most``).

    `of` names the methods of randomising that it means something to, where it is not all.
    """
    metadata = {"about": about, **rules} | ({"methods": of.split()} if of else {})
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Tidier:
    """The intervention by the items of TIDieR (Hoffmann and others 2014)."""

    why: str = says("1-2 rationale, theory or goal")
    materials: str = says("3 what: materials given or used")
    procedures: str = says("4 what: what is done")
    who: str = says("5 who provides it, with which training")
    how: str = says("6 how it is delivered: face to face, by letter, in groups")
    where: str = says("7 where it takes place")
    dose: str = says("8 when and how much: number, length, intensity")
    tailoring: str = says("9 what is tailored, to whom and how")
    modifications: str = says("10 changes made during the round, by amendment", "none")
    fidelity: str = says("11 how delivery is checked against plan")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One arm; the control is what people would get anyway."""

    name: str = says("short name, as it stands in the allocation")
    label: str = says("name for readers")
    role: str = says("control or active", choices=("control", "active"))
    share: int = says("units in this arm relative to the others", 1, least=1, most=1_000)
    factors: list[str] = says(
        "factors of a two-by-two experiment that this arm gets; the control none", []
    )
    tidier: Tidier | None = says("what is done, if active", None)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One outcome: a column of the outcomes file, or a column over another."""

    name: str = says("column of the outcomes file")
    label: str = says("name for readers")
    unit: str = says("unit code such as per_1000, or words with the period")
    polarity: str = says("which way is good", choices=("high_is_good", "low_is_good"))
    measured: str = says("how, by whom and when it is measured")
    denominator: str = says("column to divide by; empty if the outcome is a mean", "")
    multiplier: float = says("numerator / denominator is given per this many", 1.0)
    baseline: str = says("column of the units file with its value before; empty if none", "")

    @property
    def factor(self) -> float:
        """What a ratio is multiplied by; 1 for a mean."""
        return self.multiplier if self.denominator else 1.0


@dataclass(frozen=True, kw_only=True)
class Randomisation:
    """How units are shared out."""

    method: str = says("how units are randomised", choices=METHODS)
    units: str = says("file of units, a row each", "units.csv")
    unit: str = says("column with the unit's name", "unit")
    cluster: str = says("column of the cluster, where rows are people of clusters", "")
    strata: list[str] = says(
        "columns within which units are randomised apart", [], of="blocked constrained wedge"
    )
    block_size: int = says(
        "units per block, in the file's order; 0 for whole strata", 0, least=0, of="blocked"
    )
    source: str = says("public text to come that will seed the draw, such as a lottery", "")
    source_date: str = says("day on which that text becomes known, year-month-day", "")
    neighbours: str = says(
        "file of neighbouring units (unit, neighbour), none of which both take part", ""
    )
    pair: str = says("column with the pair of each unit", "pair", of="pairs")
    covariates: list[str] = says("columns to balance (constrained)", [], of="constrained")
    acceptable: float = says(
        "share of allocations to accept (constrained)", 0.1, least=0, most=1, of="constrained"
    )
    candidates: int = says(
        "allocations to score (constrained)", 100_000, least=100, most=MOST_ROWS, of="constrained"
    )
    steps: list[int] = says("clusters that start at each step (wedge)", [], of="wedge")
    periods: list[str] = says(
        "periods of the wedge; steps start from the second on", [], of="wedge"
    )


@dataclass(frozen=True, kw_only=True)
class Estimand:
    """What exactly is to be estimated (ICH E9 R1)."""

    population: str = says("whom the effect is meant for")
    contrast: str = says("what is compared with what")
    summary: str = says("a mean over clusters or over people", choices=("clusters", "people"))
    other_events: str = says("what is done about people who move, refuse or get something else")


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The analysis, fixed before the data."""

    covariates: list[str] = says("columns of the units file to adjust for", [])
    level: float = says("coverage of intervals", 0.95, least=0.5, most=0.999)
    draws: int = says(
        "allocations sampled where they cannot be listed", 9_999, least=999, most=MOST_ROWS
    )
    models: list[str] = says("models shown beside the test", ["ols"], choices=MODELS)
    subgroups: list[str] = says("columns of the units file, the only subgroups looked at", [])
    between: float = says(
        "share of a period's variance between clusters (wedge)", 1.0, least=0, most=1, of="wedge"
    )
    multiplicity: str = says(
        "how p-values of several outcomes and arms are adjusted",
        "gatekeeping",
        choices=("gatekeeping", "holm"),
    )
    attrition: str = says("bounds that decide where outcomes are missing", "lee", choices=ATTRITION)


@dataclass(frozen=True, kw_only=True)
class Planning:
    """What power rests on."""

    sd: float = says(
        "standard deviation of unit values once adjusted; 0 for the baseline's own", 0.0
    )
    source: str = says("where that standard deviation comes from", "")


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Planned looks at the outcome before the end."""

    dates: list[str] = says("planned looks, the last being the final analysis", [])
    fractions: list[float] = says("share of the information at each; even if empty", [])
    information: str = says(
        "information at a look: planned (the fractions above), or outcomes (share of units, "
        "and periods of a wedge, with an outcome)",
        "planned",
        choices=("planned", "outcomes"),
    )
    boundary: str = says("how strict the looks are", "none", choices=BOUNDARIES)


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When the experiment stops early."""

    benefit: str = says("when to stop because it works")
    harm: str = says("when to stop because it harms")
    futility: str = says("when to stop because it cannot succeed")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What would be done with the answer."""

    worth_having: float = says("smallest effect worth having, in units of the outcome", least=0)
    would_change: str = says("which result would change which decision")
    decides: str = says("who decides")


@dataclass(frozen=True, kw_only=True)
class Harms:
    """What could go wrong for people, and who watches."""

    expected: str = says("harms that can be thought of")
    watched: list[str] = says("columns of the outcomes file that are watched as harms", [])
    reported_to: str = says("to whom harms are reported, how soon")


@dataclass(frozen=True)
class Comparison:
    """One question of an experiment: an arm against the control, or one factor of two.

    Attributes
    ----------
    name, label, versus : str
        Name in results, name for readers, and what it is compared with.
    treated : tuple of int
        Positions of the arms that have what is tried.
    groups : tuple of tuples of int
        Arms, by position, among which units are compared; those in no group are left out.
    """

    name: str
    label: str
    versus: str
    treated: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Design:
    """One experiment as it is planned."""

    title: str = says("title")
    question: str = says("the question, in words a resident understands")
    unit: str = says("what is randomised: small area, school, household")
    arms: list[Arm] = says("the arms, the control first")
    outcome: Outcome = says("the one primary outcome")
    estimand: Estimand = says("what is to be estimated")
    randomisation: Randomisation = says("how units are shared out")
    analysis: Analysis = says("the analysis")
    stopping: Stopping = says("when it stops early")
    decision: Decision = says("what the answer is for")
    harms: Harms = says("what could go wrong")
    planning: Planning = field(default_factory=Planning, metadata={"about": "what power rests on"})
    looks: Looks = field(default_factory=Looks, metadata={"about": "planned looks"})
    secondary: list[Outcome] = says("secondary outcomes", [])
    round: int = says("round of the experiment", 1, least=1)
    inherits: str = says("hash of the last line of the round before's register", "")

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.role == "control")

    @property
    def active(self) -> list[Arm]:
        """The arms that are tried."""
        return [arm for arm in self.arms if arm.role == "active"]

    @property
    def is_wedge(self) -> bool:
        """Whether clusters start at different times and all end up with the programme."""
        return self.randomisation.method == "wedge"

    @property
    def cell(self) -> list[str]:
        """Columns that name one value of an outcome: the unit; in a wedge, the period as well."""
        return ["unit", "period"] if self.is_wedge else ["unit"]

    @property
    def factors(self) -> list[str]:
        """The two factors of a two-by-two experiment; none otherwise."""
        return list(dict.fromkeys(name for arm in self.arms for name in arm.factors))

    def comparisons(self) -> list[Comparison]:
        """What is compared with what: each arm with the control, or each factor with its absence.

        A factor's effect is the mean of its effects without and with the other factor.
        """
        if self.is_wedge:
            steps = tuple(range(len(self.randomisation.steps)))
            one = self.active[0]
            return [Comparison(one.name, one.label, self.control.label, steps, (steps,))]
        if not self.factors:
            return [
                Comparison(arm.name, arm.label, self.control.label, (number,), ((0, number),))
                for number, arm in enumerate(self.arms)
                if arm.role == "active"
            ]
        found, sets = [], [set(arm.factors) for arm in self.arms]
        for name in self.factors:
            having = [n for n, arm in enumerate(self.arms) if name in arm.factors]
            rest = [set(self.arms[n].factors) - {name} for n in having]
            groups = tuple((sets.index(own), n) for own, n in zip(rest, having, strict=True))
            label = next((a.label for a in self.arms if a.factors == [name]), name)
            versus = f"no {wording.inside(label)}"
            found.append(Comparison(name, label, versus, tuple(having), groups))
        return found

    def outcomes(self) -> list[Outcome]:
        """The primary outcome, then the secondary ones."""
        return [self.outcome, *self.secondary]


def flat(part: Any, prefix: str = "") -> dict[str, Any]:
    """A design as ``{"outcome.label": "..."}``, for comparing and for tables."""
    if is_dataclass(part):
        inner = [(one.name, getattr(part, one.name)) for one in fields(part)]
    elif isinstance(part, list) and part and is_dataclass(part[0]):
        inner = [(one.name, one) for one in part]
    else:
        return {prefix.rstrip("."): part}
    return {
        key: value for name, one in inner for key, value in flat(one, f"{prefix}{name}.").items()
    }
