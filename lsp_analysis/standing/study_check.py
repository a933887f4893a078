"""Can these numbers be trusted? What a study holds, and what its check found."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Shown
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import problems_frame
from lsp_analysis.study.check.whole_study import check_study
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study

MOST_SHOWN = 20
BOUNDARIES = "boundaries of the areas"


@dataclass(frozen=True)
class DataCheck(Shown):
    """The tables of a study and every problem found in them."""

    study: str
    tables: pd.DataFrame = field(repr=False, compare=False)  # table, about, here
    problems: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per problem: file, row, column, value, problem, remedy."""
        return self.problems

    def sentence(self) -> wording.Sentence:
        """How many problems there are and in which files, and what is not here at all."""
        here = int(self.tables["here"].sum())
        text = f"{self.study}: {wording.counted(here, 'table')} checked, "
        if self.problems.empty:
            text += "no problem found."
        else:
            counts = self.problems["file"].value_counts(sort=False)
            places = wording.and_list(f"{n} in {file}" for file, n in counts.items())
            text += f"{wording.counted(len(self.problems), 'problem')} found ({places})."
        lacking = self.tables.loc[~self.tables["here"], "table"]
        if len(lacking):
            text += f" The study does without {wording.and_list(lacking)}."
        return wording.Sentence(text)

    def tables_table(self) -> Table:
        """What the study holds and what it does without."""
        shown = self.tables.rename(columns={"table": "Table", "about": "What it holds"})
        shown = shown.assign(**{"In this study": shown.pop("here").map({True: "yes", False: "no"})})
        return figures.table(shown, caption="What a study can hold, and what this one does")

    shown_table = tables_table

    def problems_table(self) -> Table:
        """The first problems, as the command line lists them."""
        n = len(self.problems)
        more = f"The first {MOST_SHOWN} of {n}." if n > MOST_SHOWN else ""
        return figures.table(
            self.problems.head(MOST_SHOWN).rename(columns=str.capitalize),
            caption="What to mend, where, and how",
            note=more,
        )


def data_check(study: Study, *, today: str | None = None) -> DataCheck:
    """Check a study, as ``lsp-analysis check`` does, for a notebook.

    Parameters
    ----------
    study : Study
    today : date, optional
        From which on data count as from the future; the day of the check unless given.
    """
    about = {name: table.about for name, table in schema.TABLES.items()}
    about[schema.GEOMETRY] = BOUNDARIES
    tables = pd.DataFrame(
        {
            "table": list(about),
            "about": [wording.capital(text) for text in about.values()],
            "here": [study.has(name) for name in about],
        }
    )
    found = problems_frame(check_study(study.path, today=today))
    return DataCheck(study.title, tables, found)


def owners_table(study: Study) -> Table:
    """Who leads on each indicator, where its numbers come from, and under which licence."""
    names = {
        "name": "Indicator",
        "lead_agency": "Lead agency",
        "source": "Source",
        "licence": "Licence",
    }
    shown = study.indicators()[list(names)].rename(columns=names)
    return figures.table(shown, caption="Owners, sources and licences", note=study.attribution)


def to_look_at(study: Study, wanted: str = "") -> Indicator:
    """`wanted` if given, else the first indicator with counts of separate events, else the first.

    Such counts can be looked at area by area, in a funnel.
    """
    if wanted:
        return study.indicator(wanted)
    shown = study.indicators()
    counted = shown.loc[shown["value_type"].isin(["rate", "proportion"]), "indicator_id"]
    return study.indicator([*counted, *shown["indicator_id"]][0])
