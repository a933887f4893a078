"""The programme in an area of a study: when it began, and how that is known."""

from dataclasses import dataclass, replace

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.showing import Shown
from lsp_analysis.study.areas import Area
from lsp_analysis.study.asking.table import as_date
from lsp_analysis.study.store import Study

LEAST_COVERED = 0.25  # share of an area that a programme must have worked in to be judged by it


@dataclass(frozen=True)
class Programme(Shown):
    """A programme in an area: when it began, and how that is known.

    Attributes
    ----------
    start : Period (month), or None when there was no programme
    known : str
        "recorded" (in the study's table of interventions), "assumed" (the area is marked as a
        pilot, its start is a parameter) or "none".
    covered : int
        How many of the area's small areas the programme worked in.
    primary_outcome : str
        Indicator named in advance as the one to judge the programme by; empty when none was.
    """

    area: Area
    name: str
    start: pd.Period | None
    known: str
    covered: int
    primary_outcome: str = ""

    def sentence(self) -> wording.Sentence:
        """What began where and when, and how sure that is."""
        place, total = self.area.name, len(self.area.members)
        within, began = wording.of_total(self.covered, total), wording.period(self.start)
        where = "is marked as a pilot area" if self.area.is_pilot else "holds a pilot area"
        part = f" It worked in {within} of the small areas here." if self.covered < total else ""
        if self.covered == 0:
            said = f"No programme is on record in {place}, so there is no effect to estimate here."
        elif self.start is None:
            said = (
                f"{wording.capital(self.name)} worked in {within} small areas of {place}, "
                "too few to judge it by the whole: see the page of the area it worked in."
            )
        elif self.known == "recorded":
            said = f"{self.name} began in {place} in {began}.{part}"
        else:
            said = (
                f"{place} {where}, but the study does not record when the pilot began: "
                f"{began} is assumed.{part}"
            )
        return wording.Sentence(said)


def programme_in(study: Study, area: str | Area, *, start: str = "2008-04") -> Programme:
    """The programme in an area: as recorded, or assumed from `start` where a pilot is marked.

    Parameters
    ----------
    area : name, code or Area
    start : str
        Month assumed for a pilot whose start the study does not record.

    Returns
    -------
    Programme
        Without a start where none worked, or in less than a quarter of the area's small areas.
    """
    assumed = as_date(start, "M")
    study = study.around(area)
    area = study.area(area)
    own = set(area.members)
    if study.has("interventions"):
        for row in study.read("interventions").sort_values("start").itertuples():
            covered = len(own & set(study.area(row.area_code).members))
            if covered:
                primary = getattr(row, "primary_outcome", "")
                primary = "" if wording.is_missing(primary) else str(primary)
                began = pd.Period(row.start, freq="M")
                return _enough(Programme(area, str(row.name), began, "recorded", covered, primary))
    areas = study.areas()
    pilots = areas.loc[areas["is_pilot"].fillna(False).astype(bool), "area_code"]
    covered = len(own & {member for code in pilots for member in study.area(code).members})
    if covered:
        return _enough(Programme(area, "the pilot", assumed, "assumed", covered))
    return Programme(area, "", None, "none", 0)


def _enough(programme: Programme) -> Programme:
    """The programme without a start where it worked in too little of the area."""
    share = programme.covered / len(programme.area.members)
    return programme if share >= LEAST_COVERED else replace(programme, start=None)
