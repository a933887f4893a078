"""A made-up programme round the numbers: plan, events, interventions, money, places, agreements."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from demo.boundaries import BOROUGH_CODE, small_areas
from demo.measures import MEASURES
from demo.outcomes import Drawn
from demo.place import PILOT

NEIGHBOURHOOD = "hall-i-th-wood"
PROGRAMME = "better-interventions"
IN_LAA = ("smoking_quits", "neet", "jobseekers", "antisocial_behaviour", "burglary", "influence")
# How far each measure is meant to move by the end of the plan, as a share of its baseline; half of
# that at the milestone, and half as much again for a stretch target.
AMBITION = {
    "emergency_admissions": -0.04,
    "deaths": -0.08,
    "smoking_quits": 0.15,
    "gcse_five_good": 0.20,
    "neet": -0.12,
    "jobseekers": -0.05,
    "child_poverty": -0.08,
    "antisocial_behaviour": -0.10,
    "burglary": -0.15,
    "fly_tipping": -0.10,
    "recycling": 0.12,
    "influence": 0.06,
}
MILESTONES = (
    "gcse_five_good",
    "neet",
    "smoking_quits",
    "antisocial_behaviour",
    "burglary",
    "recycling",
    "emergency_admissions",
    "fly_tipping",
)
PARTNERS = {
    "Healthy": "Council;Voluntary sector",
    "Achieving": "Schools;Colleges;Youth service",
    "Prosperous": "Council;Colleges;Employers",
    "Safe": "Council;Housing provider;Fire and rescue",
    "Cleaner and greener": "Housing provider;Voluntary sector",
    "Strong and confident": "Voluntary sector;Police;Primary Care Trust",
}
THEMES = tuple(PARTNERS)


def plan_table(drawn: list[Drawn]) -> pd.DataFrame:
    """Twenty measures of a plan for 2009 to 2012: each indicator at its end, some half-way too."""
    rows = []
    for one in drawn:
        measure = one.measure
        calendar = measure.frequency == "Y"
        before = "2007" if calendar else "2007/08"
        baseline = borough_value(one, before)
        stages = {"2011" if calendar else "2011/12": 1.0}
        if measure.indicator_id in MILESTONES:
            stages = {"2009" if calendar else "2009/10": 0.5, **stages}
        for due, share in stages.items():
            ambition = AMBITION[measure.indicator_id] * share
            in_laa = measure.indicator_id in IN_LAA
            stretch = round(baseline * (1 + 1.5 * ambition), 2) if in_laa else None
            rows.append(
                {
                    "measure_id": f"{measure.indicator_id}-{due[:4]}",
                    "indicator_id": measure.indicator_id,
                    "aim": measure.aim,
                    "theme": measure.theme,
                    "in_laa": in_laa,
                    "baseline_period": before,
                    "baseline": round(baseline, 2),
                    "target": round(baseline * (1 + ambition), 2),
                    "stretch_target": stretch,
                    "due": due,
                    "lead_agency": measure.agency,
                    "contributing_agencies": PARTNERS[measure.theme],
                }
            )
    return pd.DataFrame(rows)


def borough_value(one: Drawn, year: str) -> float:
    """The borough's value over a calendar year (2007) or a financial one (2007/08).

    Events a year, whatever the length of the periods; stocks and shares on average.
    """
    first = pd.Timestamp(f"{year[:4]}-04-01" if "/" in year else f"{year}-01-01")
    inside = (one.periods.start_time >= first) & (
        one.periods.end_time < first + pd.DateOffset(years=1)
    )
    counted, out_of = one.numerator[:, inside].sum(), one.denominator[:, inside].sum()
    per_year = int(inside.sum()) if one.measure.drawn == "poisson" else 1
    return float(counted / out_of * one.measure.multiplier * per_year)


def events_table() -> pd.DataFrame:
    """What happened where and when, all of it made up but the assumed start."""
    rows = [
        (NEIGHBOURHOOD, "2008-04-01", "programme start", "Programme starts", PROGRAMME),
        (NEIGHBOURHOOD, "2008-10-06", "milestone", "Health trainers at work", PROGRAMME),
        (NEIGHBOURHOOD, "2009-06-15", "milestone", "Street wardens at work", PROGRAMME),
        (NEIGHBOURHOOD, "2011-03-31", "programme end", "Programme funding ends", PROGRAMME),
        (BOROUGH_CODE, "2008-09-15", "context", "Recession", None),
        *(
            (BOROUGH_CODE, m.break_in.start, "recording change", f"{m.name}: recording", None)
            for m in MEASURES
            if m.break_in is not None
        ),
    ]
    table = pd.DataFrame(rows, columns=["area_code", "date", "kind", "label", "intervention_id"])
    table.insert(0, "event_id", [f"e{number:02d}" for number in range(1, len(table) + 1)])
    return table


def interventions_table() -> pd.DataFrame:
    """The one programme whose true effects stand in ``truth.json``."""
    return pd.DataFrame(
        [
            {
                "intervention_id": PROGRAMME,
                "name": "Better Interventions (simulated)",
                "area_code": NEIGHBOURHOOD,
                "start": "2008-04-01",
                "end": "2011-03-31",
                "agency": "Council",
                "theme": "Strong and confident",
                "kind": "neighbourhood programme",
                "cost_gbp": 420_000,
                "people_reached": 610,
                "primary_outcome": "antisocial_behaviour",
            }
        ]
    )


def resources_table() -> pd.DataFrame:
    """Made-up money by stream, theme and financial year, and the programme's own."""
    share = dict(zip(THEMES, (0.26, 0.24, 0.18, 0.14, 0.08, 0.10), strict=True))
    agency = {measure.theme: measure.agency for measure in MEASURES}
    streams = {
        "Neighbourhood Renewal Fund": {"2006/07": 9.2e6, "2007/08": 8.6e6},
        "Area Based Grant": {"2008/09": 20.0e6, "2009/10": 19.4e6, "2010/11": 17.1e6},
        "LAA reward": {"2009/10": 1.8e6, "2010/11": 1.2e6},
    }
    rows = [
        (stream, theme, agency[theme], None, year, round(total * share[theme], -3))
        for stream, years in streams.items()
        for year, total in years.items()
        for theme in THEMES
    ]
    rows += [
        ("Area Based Grant (pilot)", "Strong and confident", "Council", NEIGHBOURHOOD, year, amount)
        for year, amount in (("2008/09", 120_000), ("2009/10", 160_000), ("2010/11", 140_000))
    ]
    columns = ["stream", "theme", "agency", "area_code", "period", "amount_gbp"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(0, "resource_id", [f"r{number:02d}" for number in range(1, len(table) + 1)])
    return table


def assets_table(shapes: gpd.GeoDataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Made-up places where services meet people: one in the pilot, others in areas drawn."""
    kinds = [
        ("UCAN centre", "advice;adult learning;neighbourhood policing"),
        ("access point", "council desk;housing;benefits advice"),
        ("access point", "council desk;library"),
        ("UCAN centre", "advice;youth work"),
        ("health centre", "general practice;pharmacy;stop smoking"),
        ("health centre", "general practice;mental health;library"),
        ("children's centre", "nursery;family support"),
        ("children's centre", "nursery;speech therapy"),
        ("library", "library;internet"),
        ("police post", "neighbourhood policing"),
    ]
    others = shapes.index[shapes["area_code"] != PILOT]
    chosen = [
        shapes.index[shapes["area_code"] == PILOT][0],
        *rng.choice(others, size=len(kinds) - 1, replace=False),
    ]
    inside = shapes.geometry.loc[chosen].representative_point()
    msoa = small_areas(shapes)["msoa_name"].loc[chosen]
    opened = 2000 + rng.integers(0, 10, size=len(kinds))
    return pd.DataFrame(
        {
            "asset_id": [f"a{number:02d}" for number in range(1, len(kinds) + 1)],
            "name": [
                f"{kind[0].upper()}{kind[1:]}, {where} (made up)"
                for (kind, _), where in zip(kinds, msoa, strict=True)
            ],
            "kind": [kind for kind, _ in kinds],
            "services": [services for _, services in kinds],
            "opened": [f"{year}-09-01" for year in opened],
            "x": inside.x.round().to_numpy(),
            "y": inside.y.round().to_numpy(),
        }
    )
