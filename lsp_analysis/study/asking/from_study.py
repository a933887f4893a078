"""The question what a programme in one place did to one indicator of a study."""

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.study import schema
from lsp_analysis.study.areas import FEWEST, from_own_rank
from lsp_analysis.study.asking.table import as_date, dated, pairs_matrix, wide
from lsp_analysis.study.indicator import COUNTED, Indicator
from lsp_analysis.study.question import Question

MOST_NAMED = 5


def of_study(
    study: Any, indicator_id: str, place: Any, start: Any, level: float = 0.95
) -> Question:
    """The question what a programme in `place` did to one indicator; see `Study.question`."""
    indicator = study.indicator(indicator_id)
    own, study = study.around(place), study.around(place, FEWEST, start)
    area = study.area(place)
    rows = study.panel(indicator.indicator_id)
    kind, rated = indicator.kind or "mean", indicator.value_type != "count"
    parts = rows["numerator"].notna() & (rows["denominator"] > 0)
    counted = kind in COUNTED and rated and bool(parts.any())
    if kind in ("events", "share") and rated and not counted:
        kind = "published"
    if counted:
        rows = rows[parts]
    table = wide(rows, "numerator" if counted else "value")
    areas, dates = table.index, pd.PeriodIndex(table.columns)
    began = as_date(start)
    lacking = sorted(set(area.members).difference(areas))
    if lacking:
        raise PanelError(
            f"{indicator.name} has no values for {len(lacking)} of the "
            f"{wording.counted(len(area.members), 'small area')} of {area.name}, first {lacking[0]}"
            ". Add them to the study, or choose another indicator."
        )
    try:
        kept, first, cautions = dated(dates, began)
        placebo_date = False
    except PanelError as error:
        kept, first, cautions = _placebo_date(indicator, dates, began, error)
        placebo_date = True
    known = study.surroundings
    return Question(
        areas=areas,
        dates=dates[kept],
        outcome=table.to_numpy()[:, kept],
        treated=areas.isin(area.members),
        start=first,
        population=wide(rows, "denominator").to_numpy()[:, kept] if counted else None,
        neighbours=pairs_matrix(areas, known.get("neighbours")),
        indicator=indicator,
        kind=kind,
        place=area.name,
        level=level,
        cautions=(*cautions, *_taken_in(area, own, study, start)),
        placebo_date=placebo_date,
        context=known | {"note": study.note, "notes": rows[["area_code", "period", "note"]]},
    )


def look_around(study: Any) -> dict[str, Any]:
    """What the questions to a study share; see `Study.surroundings`."""
    known: dict[str, Any] = {}
    if study.has(schema.GEOMETRY):
        known["neighbours"] = study.neighbours()
        known["geometry"] = study.geometry(study.small_areas()["area_code"])
    tables = {name: study.read(name) for name in ("interventions", "events") if study.has(name)}
    codes = {code for table in tables.values() for code in table["area_code"].dropna()}
    return known | tables | {"members": {code: study.area(code).members for code in codes}}


def _taken_in(area: Any, own: Any, study: Any, start: Any) -> list[str]:
    """That areas of other boroughs are compared with as well, where its own has too few."""
    more = sorted(set(study.boroughs) - set(own.boroughs)) if own.boroughs else []
    if not more:
        return []
    named = study.areas().drop_duplicates("area_code").set_index("area_code")["area_name"]
    names = [str(named.get(code, code)) for code in more]
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more boroughs"]
    why = "nearest to it in deprivation"
    if from_own_rank(study, set(own.boroughs), start) is None:
        why = "the next by code, as there are no ranks of deprivation from before the start"
    return [
        f"The borough of {area.name} has fewer than {FEWEST} other small areas, so those of "
        f"{wording.and_list(names)}, {why}, are compared with as well."
    ]


def _placebo_date(
    indicator: Indicator, dates: pd.PeriodIndex, began: pd.Period, error: PanelError
) -> tuple[np.ndarray, pd.Period, tuple[str, ...]]:
    """A date at which nothing began, for data that begin too late; `error` where there is none."""
    if dates[-1].end_time < began.start_time or len(dates) < 3:
        raise PanelError(f"{indicator.name}: {wording.inside(str(error))}") from error
    first = dates[max(2, round(0.6 * len(dates)))]
    caution = (
        f"{wording.capital(wording.period(first))} is a placebo date, because these data begin too "
        f"late to judge what began in {wording.period(began)}: nothing here is about the programme."
    )
    return np.ones(len(dates), dtype=bool), first, (caution,)
