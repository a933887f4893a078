"""What a page says of the counts that are withheld from it."""

from typing import Any

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.disclosure.profiles import MARK, SUPPRESSED
from lsp_analysis.disclosure.release import groups_of, released
from lsp_analysis.figures.tables import Table
from lsp_analysis.study.areas import Area
from lsp_analysis.study.panel import period_kinds
from lsp_analysis.study.store import Study

POOLING = (
    "Months are joined to years where a month would be withheld. Where a year is withheld too, "
    "the smallest larger area whose total may be shown stands beside it. Years are not added up: "
    "counts of single years would follow from such totals."
)


def withheld_table(study: Study, area: Area) -> Table | None:
    """Latest values of an area that are withheld, and what can still be said of each.

    None for a study with its full counts, and where nothing of the area is withheld.

    Parameters
    ----------
    study : a protected copy, or any other study.
    area : the area that the page is about.
    """
    told = released(study).get("indicators", {})
    if not told:
        return None
    study = study.around(area)
    codes = [area.code] if len(area.members) > 1 else list(area.members)
    around = sorted(
        (len(members), code)
        for code, members in groups_of(study).items()
        if set(area.members) <= set(members) and code not in codes
    )
    withheld = [name for name, about in told.items() if about.get("withheld")]
    rows = {name: row for name in withheld if (row := _row(study, name, codes, around))}
    if not rows:
        return None
    rules = dict.fromkeys(told[name]["rule"] for name in rows)
    return figures.table(
        pd.DataFrame(rows.values()),
        caption=f"{area.name}: latest values that are withheld",
        note=f"{MARK} withheld: {'; '.join(rules)}; and counts from which those could be worked "
        f"out. {wording.counted(len(rows), 'value').capitalize()} of "
        f"{wording.counted(len(told), 'indicator')} {'is' if len(rows) == 1 else 'are'} withheld. "
        f"{POOLING}",
    )


def _row(
    study: Study, indicator_id: str, codes: list[str], around: list[tuple[int, str]]
) -> dict[str, Any] | None:
    """The latest value of one indicator, if it is withheld."""
    wanted = [*codes, *(code for _, code in around)]
    rows = study.read("observations", where={"indicator_id": indicator_id, "area_code": wanted})
    own = rows[rows["area_code"].isin(codes)]
    if own.empty:
        return None
    last = own[own["period_start"] == own["period_start"].max()].iloc[0]
    if last["note"] != SUPPRESSED:
        return None
    then = rows[rows["period_start"] == last["period_start"]].set_index("area_code")["value"]
    indicator = study.indicator(indicator_id)
    kind = period_kinds(own["period_start"].tail(1), own["period_end"].tail(1)).iloc[0]
    shown = next((code for _, code in around if pd.notna(then.get(code))), "")
    instead = wording.MISSING
    if shown:
        value = wording.quantity(then[shown], indicator.per)
        instead = f"{value} in {study.area(shown).name}"
    return {
        "Indicator": indicator.name,
        "Period": wording.period(pd.Period(last["period_start"], freq=kind)),
        "Here": MARK,
        "In a larger area": instead,
    }
