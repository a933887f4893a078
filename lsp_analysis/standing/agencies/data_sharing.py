"""What may be shared: agreements in force, and what small numbers would be hidden."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.disclosure.profiles import MARK, PLAIN, find_profile
from lsp_analysis.disclosure.suppression import protect_table
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import ShownTable, View
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.standing.place.mapped import small_names
from lsp_analysis.standing.study_check import LENGTHS
from lsp_analysis.study import schema
from lsp_analysis.study.store import Study

IN_FORCE, EXPIRED, NONE = "in force", "expired", "no agreement"


def sharing(study: Study, *, on: str | pd.Timestamp) -> View:
    """Look up the agreement on every table of a study that holds facts about people or money.

    Parameters
    ----------
    study : Study
    on : date
        Agreements whose last day is earlier have expired; one without a last day has not.

    Returns
    -------
    View
        ``table``, indexed by table, has ``status`` (in force, expired, no agreement) and the
        columns of the table `sharing`.

    Raises
    ------
    StudyError
        The study has no table of agreements.
    """
    day = pd.Timestamp(on)
    agreements = study.read("sharing").set_index("table")
    held = [name for name in schema.TABLES if study.has(name) and name not in PLAIN]
    table = agreements.reindex(held).rename_axis("table")
    over, known = table["expires"] < day, table.index.isin(agreements.index)
    status = np.select([~known, over], [NONE, EXPIRED], IN_FORCE)
    table.insert(0, "status", status)
    when = wording.period(day)
    return View(_told(table, when), table, tabulate=lambda: _agreements(table, when))


def _told(table: pd.DataFrame, when: str) -> str:
    """Which tables have an agreement in force, which may be published, which have none."""
    in_force = table[table["status"] == IN_FORCE]
    of = wording.of_total(len(in_force), len(table))
    text = f"On {when} an agreement is in force for {of} tables."
    named = {
        "It has expired for": table.index[table["status"] == EXPIRED],
        "There is none for": table.index[table["status"] == NONE],
        "Not to be published:": in_force.index[~in_force["may_publish"].astype(bool)],
    }
    lists = [f"{said} {wording.and_list(names)}." for said, names in named.items() if len(names)]
    return " ".join([text, *lists])


def _agreements(table: pd.DataFrame, when: str) -> Table:
    """The agreements for people."""
    columns = {
        "table": "Table",
        "status": "Agreement",
        "owner_agency": "Owned by",
        "recipients": "May be seen by",
        "purpose": "For",
        "min_cell": "Smallest count shown",
        "expires": "Until",
    }
    shown = table.reset_index()[list(columns)].rename(columns=columns)
    for name in ("Owned by", "May be seen by", "For"):
        shown[name] = shown[name].str.replace(";", ", ")
    publish = table["may_publish"].astype("object").map({True: "yes", False: "no"})
    return figures.table(
        shown.assign(**{"May be published": publish.to_numpy()}),
        caption=f"What may be shared on {when}",
    )


@dataclass(frozen=True)
class SmallCounts(ShownTable):
    """How much of each indicator would be hidden if it were shown by small area."""

    hidden_to: int
    table: pd.DataFrame = field(repr=False, compare=False)

    @property
    def most_hidden(self) -> str:
        """The indicator of whose counts by small area and year the most are hidden."""
        return str(self.table["hidden_by_year"].idxmax())

    def sentence(self) -> wording.Sentence:
        """What would be hidden most, and how far counting by year instead would help."""
        rule = f"With counts of 1 to {self.hidden_to} hidden"
        if self.hidden_to == 0:
            rule = "By this rule"
        some = self.table[self.table["hidden"] > 0]
        if some.empty:
            return wording.Sentence(f"{rule}, every count by small area may be shown.")
        worst = some.sort_values("hidden").iloc[-1]
        text = (
            f"{rule}, {wording.quantity(worst['hidden'], 'percent')} of the counts of "
            f"{wording.inside(worst['name'])} by small area and {worst['every']} may not be shown"
        )
        if worst["every"] != "year":
            text += f", but {wording.quantity(worst['hidden_by_year'], 'percent')} of those by year"
        free = list(self.table.loc[self.table["hidden_by_year"] == 0, "name"])
        if free:
            text += f". By year nothing is hidden of {wording.and_list(map(wording.inside, free))}"
        return wording.Sentence(f"{text}.")

    def shown_table(self) -> Table:
        """Every indicator, the most hidden first."""
        rows = self.table.sort_values("hidden", ascending=False, kind="stable")
        shown = {
            "Indicator": rows["name"],
            "Counted by": rows["every"],
            "Hidden as counted": rows["hidden"],
            "Hidden by year": rows["hidden_by_year"],
        }
        return figures.table(
            pd.DataFrame(shown).reset_index(drop=True),
            caption=f"Counts by small area from 1 to {self.hidden_to}, which may not be shown",
            units={"Hidden as counted": "percent", "Hidden by year": "percent"},
        )


def small_counts(brief: AreaBrief, *, profile: str = "ons_5") -> SmallCounts:
    """Count the cells by small area and period that a rule would hide.

    Parameters
    ----------
    brief : AreaBrief
    profile : name of a rule; see `lsp_analysis.disclosure.profiles.find_profile`
        Zero is shown, small counts are not.

    Raises
    ------
    PanelError
        No indicator has counts.
    """
    hidden_to = find_profile(profile).hidden_to
    rows = []
    for indicator_id, panel in brief.panels.items():
        if panel["numerator"].notna().any():
            rows.append(
                {
                    "indicator_id": indicator_id,
                    "name": brief.study.indicator(indicator_id).name,
                    "every": LENGTHS[panel["period"].dtype.freq.freqstr[0]],
                    "hidden": _hidden(panel, hidden_to),
                    "hidden_by_year": _hidden(brief.measured(indicator_id).panel, hidden_to),
                }
            )
    if not rows:
        raise PanelError("No indicator of this study has counts, so there are none to hide.")
    return SmallCounts(hidden_to, pd.DataFrame(rows).set_index("indicator_id"))


def shareable(
    brief: AreaBrief, indicator_id: str, *, profile: str = "ons_5", years: int = 5
) -> Table:
    """Counts of the area and of the areas that touch it, as they may leave the room.

    Small counts are hidden, and with them whatever would give them away through the totals.

    Parameters
    ----------
    brief : AreaBrief
    indicator_id : str
    profile : name of a rule; see `lsp_analysis.disclosure.profiles.find_profile`
    years : int
        The last years to show.

    Raises
    ------
    PanelError
        The indicator has no counts there.
    StudyError
        The study has no boundaries to tell neighbours by.
    """
    indicator = brief.study.indicator(indicator_id)
    rule = find_profile(profile)
    near = {*brief.area.members, *brief.touching()}
    panel = brief.measured(indicator_id).panel
    rows = panel[panel["area_code"].isin(near)].dropna(subset="numerator")
    if rows.empty:
        raise PanelError(f"{indicator.name} has no counts in {brief.area.name} or next to it.")
    counts = rows.pivot_table(index="area_code", columns="period", values="numerator").dropna(
        axis=1
    )
    counts = counts.iloc[:, -years:].set_axis(small_names(brief).reindex(counts.index))
    shown = protect_table(counts, profile=profile).rename(columns=wording.period)
    hidden = int((shown == MARK).sum().sum())
    marked = "No cell had to be hidden."
    if hidden:
        marked = (
            f"{wording.capital(wording.counted(hidden, 'cell'))} marked {MARK}: those counts, and "
            "others from which they could be worked out."
        )
    return figures.table(
        shown.rename_axis("Small area"),
        caption=f"{indicator.name}: counts as they may be shared",
        note=f"{wording.capital(rule.about)}. {marked}",
    )


def _hidden(panel: pd.DataFrame, hidden_to: int) -> float:
    """Per cent of known counts that are small."""
    counts = panel["numerator"].dropna()
    return float(100 * counts.between(1, hidden_to).mean())
