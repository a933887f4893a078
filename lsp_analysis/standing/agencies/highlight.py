"""The whole borough for those who steer it: which areas stand out, which changed, and the gap."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import AreaError
from lsp_analysis.standing.agencies.agenda import WANTED
from lsp_analysis.standing.agencies.plan import PlanProgress
from lsp_analysis.standing.comparison.verdict import CLEAR, NOT
from lsp_analysis.standing.place.brief import AreaBrief, area_brief
from lsp_analysis.study.areas import Area
from lsp_analysis.study.store import Study

KINDS = {"neighbourhood": "neighbourhoods", "ward": "wards", "msoa": "MSOAs"}
COLUMNS = ["area", "area_code", "indicator_id", "indicator", "unit", "when", "period", "value"]
COLUMNS += ["comparator_value", "p_value", "verdict", "reason", "previous_period", "change"]
COLUMNS += ["change_p_value", "change_verdict"]
CHANGED = ["area", "indicator", "previous_period", "period", "change", "unit", "change_verdict"]
MOST_TOLD = 3  # indicators of a sentence on changes
FEWEST_OF_A_KIND = 4  # areas of one kind that are worth a rug


@dataclass(frozen=True)
class Highlights:
    """Verdicts of every area on every indicator, as each area's own page has them."""

    kind: str
    level: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """How many areas stand out, and the worst of them."""
        worse, total = self.times_worse(), self.table["area"].nunique()
        if not self.table["verdict"].ne(NOT).any():
            return wording.Sentence(
                f"None of the {total} {self.kind} can be judged: no indicator can be compared."
            )
        text = (
            f"{wording.of_total(len(worse), total)} {self.kind} {_are(len(worse))} worse than the "
        )
        text += "rest of the borough on one measure or more"
        if len(worse) and worse.iloc[0] > 1:
            most = [f"{name} ({count})" for name, count in worse.head(3).items()]
            text += f", most often {wording.and_list(most)}"
        return wording.Sentence(wording.capital(f"{text}."))

    def changed(self) -> wording.Sentence:
        """Which areas changed on the year before by more than chance."""
        known = self.table["change_p_value"].notna()
        moved = self.table[self.table["change_verdict"].isin(CLEAR)]
        if not known.any():
            return wording.Sentence(
                "Whether any changed cannot be told: no indicator has counts for two years."
            )
        looked = f"of {wording.number(int(known.sum()))} changes looked at"
        if moved.empty:
            return wording.Sentence(f"None {looked} is more than chance usually makes.")
        text = f"{len(moved)} {looked} {_are(len(moved))} more than chance usually makes."
        return wording.Sentence(f"{text} {_by_indicator(moved)}")

    def changed_rows(self) -> pd.DataFrame:
        """The clear changes on the year before, the surest first."""
        clear = self.table[self.table["change_verdict"].isin(CLEAR)]
        return clear.sort_values("change_p_value", kind="stable")[CHANGED]

    def times_worse(self) -> pd.Series:
        """On how many indicators each area is worse, most first; areas worse on none left out."""
        return self.table.loc[self.table["verdict"] == "worse", "area"].value_counts()

    def worst_first(self) -> list[str]:
        """Every area, those worse most often first."""
        return list(dict.fromkeys([*self.times_worse().index, *self.table["area"]]))

    def unjudged(self) -> list[str]:
        """Indicators on which no area could be told from chance."""
        known = self.table["verdict"].ne(NOT).groupby(self.table["indicator"], sort=False).any()
        return list(known.index[~known])


def highlights(study: Study, areas: Collection[str] = (), *, level: float = 0.95) -> Highlights:
    """Set every area of a kind beside the rest of the borough on every indicator.

    Parameters
    ----------
    study : Study
    areas : names or codes, optional
        Otherwise the study's neighbourhoods if it has some, else its wards, else its MSOAs, else
        its small areas.
    level : float between 0 and 1
        One less the share of false discoveries among the verdicts.

    Returns
    -------
    Highlights
        ``table`` has ``area`` (its name, with the code where several share it), ``area_code``,
        ``indicator_id``, ``indicator``, ``unit``, ``when``, ``period``, ``value``,
        ``comparator_value``, ``verdict``, ``reason``, ``previous_period``, ``change``,
        ``change_p_value``, ``change_verdict``. The verdicts are those of each area's own page,
        which allow for its indicators.
    """
    kind, chosen = _chosen(study, areas)
    briefs: dict[Study, AreaBrief] = {}  # one for each borough
    shared = Counter(area.name for area in chosen)
    names = {a.code: f"{a.name} ({a.code})" if shared[a.name] > 1 else a.name for a in chosen}
    frames = []
    for area in chosen:
        part = study.around(area)
        if part not in briefs:
            briefs[part] = area_brief(part, area, level=level)
        found = briefs[part].profile_of(area).table
        rows = found.rename(columns={"name": "indicator"}).rename_axis("indicator_id").reset_index()
        frames.append(rows.assign(area=names[area.code], area_code=area.code)[COLUMNS])
    return Highlights(kind, level, pd.concat(frames, ignore_index=True))


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _by_indicator(moved: pd.DataFrame) -> str:
    """Clear changes by indicator: how many areas got better, and how many worse."""
    told, names = [], moved["indicator"].value_counts().index
    for name in names[:MOST_TOLD]:
        rows = moved[moved["indicator"] == name]
        counts = rows["change_verdict"].value_counts()
        said = wording.and_list(f"{count} {word}" for word, count in counts.items())
        if len(rows) == 1:
            said = f"{counts.index[0]} in {rows['area'].iloc[0]}"
        told.append(f"{wording.inside(name)}: {said}")
    more = f"; and {len(names) - MOST_TOLD} more indicators" if len(names) > MOST_TOLD else ""
    return f"{wording.capital('; '.join(told))}{more}."


def _chosen(study: Study, areas: Collection[str]) -> tuple[str, list[Area]]:
    """What the areas are called together, and the areas."""
    if areas:
        return "areas", [study.area(name) for name in areas]
    table = study.areas()
    table = table[table["code_vintage"] == study.code_vintage]
    for area_type, words in KINDS.items():
        codes = table.loc[table["area_type"] == area_type, "area_code"]
        if len(codes) >= FEWEST_OF_A_KIND:
            return words, [study.area(code) for code in codes]
    return "small areas", [study.area(code) for code in study.small_areas()["area_code"]]


def most_deprived(study: Study, *, share: float = 0.2, before: object = "2008-04") -> Area:
    """The borough's most deprived small areas as one area, for the gap that a borough closes.

    Parameters
    ----------
    study : Study
    share : float between 0 and 1
        Of the small areas.
    before : Period, date or text
        They are chosen on the last Indices before it, so that later bad luck picks none of them.

    Raises
    ------
    StudyError
        The study has no table `deprivation`.
    AreaError
        No edition is old enough.
    """
    if not 0 < share < 1:
        raise AreaError(f"A share of the small areas lies between 0 and 1, not {share!r}.")
    _, ranks = study.indices_before(before, study.code_vintage)
    small = study.small_areas()
    ranks = ranks[ranks["area_code"].isin(small["area_code"])].sort_values("rank", kind="stable")
    codes = tuple(ranks["area_code"].head(max(1, round(share * len(ranks)))))
    borough = str(small["borough_code"].iloc[0])
    name = f"the most deprived {wording.quantity(100 * share, 'percent', 0)} of small areas"
    return Area(f"{borough}-deprived", name, "group", study.code_vintage, borough, codes)


def leads_sentence(progress: PlanProgress) -> wording.Sentence:
    """Which agencies lead on what is off track."""
    off, n = progress.off_track, len(progress.table)
    if off.empty:
        return wording.Sentence("No target of the plan is off track.")
    text = f"{wording.of_total(len(off), n)} targets of the plan {_are(len(off))} off track"
    if n == 1:
        text = "The only target of the plan is off track"
    if "lead_agency" in off and off["lead_agency"].notna().any():
        leads = off["lead_agency"].value_counts()
        text += f": {wording.and_list(f'{name} {count}' for name, count in leads.items())}"
    return wording.Sentence(wording.capital(f"{text}."))


def cannot_tell(study: Study, found: Highlights) -> list[list[str]]:
    """What this study cannot say, and why: because it has no table, no counts or no second year."""
    told = []
    if names := found.unjudged():
        told.append([f"{wording.capital(wording.some_of(names))}:", "no area can be judged."])
    once = found.table.groupby("indicator", sort=False)["change"].count()
    if names := [str(name) for name in once.index[once == 0]]:
        told.append(["Change on the year before:", f"not known of {wording.some_of(names)}."])
    missing = [what for name, what in WANTED.items() if not study.has(name)]
    if missing:
        told.append(["Not in the study:", f"{wording.and_list(missing)}."])
    told.append(["Why areas differ:", "the numbers hold outcomes, not causes."])
    return told
