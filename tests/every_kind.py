"""A written study of an invented borough with an indicator of every kind, oddly declared."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import box
from small_study import OGL

from lsp_analysis.study import write_study

BOROUGH = "E08000098"
SMALL = [f"E010980{n:02}" for n in range(36)]
LARGER = [f"E020980{n:02}" for n in range(6)]
YEARS = pd.period_range("2006", "2012", freq="Y")
# What each is, then what the truth is of the first area of every six (the others: the base).
INDICATORS = [
    # id, name, unit, value_type, kind, unit_period, base, multiplier, polarity, margin, theme
    ("burglary", "Burglary", "per_10000", "rate", "events", "year", "households", 10000,
     "low_is_good", None, "Safe"),
    ("noise", "Noise complaints", "per_1000", "rate", "events", "month", "residents", 1000,
     "low_is_good", None, "Safe"),
    ("fires", "House fires", "per_100000", "rate", "events", "year", "residents", 100000,
     "low_is_good", None, "Safe"),
    ("vehicle_crime", "Vehicle crime", "per_1000", "rate", "events", "year", "residents", 1000,
     "low_is_good", None, "Safe"),
    ("benefits", "People on benefits", "percent", "person_periods", "stock", "",
     "residents aged 16 to 64", 100, "low_is_good", None, "Prosperous"),
    ("absent", "Pupils often absent", "percent", "proportion", "share", "", "pupils", 100,
     "low_is_good", None, "Achieving"),
    ("recycling", "Households that recycle", "percent", "proportion", "share", "", "households",
     100, "high_is_good", 4, "Greener"),
    ("population_change", "Net migration", "mean", "mean", "mean", "", "", 1, "none", None,
     "Prosperous"),
    ("savings", "Mean savings less debts", "mean", "mean", "mean", "", "", 1, "high_is_good",
     None, "Prosperous"),
    ("wellbeing", "Mean satisfaction with life", "score", "score", "mean", "", "", 1,
     "high_is_good", 0.5, "Healthy"),
    ("screening", "Screening attendance", "per_1000", "dsr", "standardised", "", "women", 1000,
     "high_is_good", None, "Healthy"),
    ("fuel_poverty", "Households in fuel poverty", "percent", "proportion", "published", "",
     "households", 100, "low_is_good", 6, "Prosperous"),
    ("smoking", "Modelled adults who smoke", "percent", "proportion", "published", "", "adults",
     100, "low_is_good", None, "Healthy"),
    ("calls", "Calls to the council", "count", "count", "events", "", "", 1, "none", None,
     "Greener"),
    ("falls", "Hospital admissions for falls", "per_1000", "rate", "events", "year", "residents",
     1000, "low_is_good", None, "Healthy"),
]  # fmt: skip
COLUMNS = ["indicator_id", "name", "unit", "value_type", "kind", "unit_period", "base",
           "multiplier", "polarity", "margin", "theme"]  # fmt: skip


def rows(indicator_id: str, freq: str, first: str, last: str) -> pd.DataFrame:
    """A row for every area and period, before it has numbers; `high` areas are every sixth."""
    periods = pd.period_range(first, last, freq=freq)
    index = pd.MultiIndex.from_product([SMALL, periods], names=["area_code", "period"])
    made = index.to_frame(index=False).assign(indicator_id=indicator_id)
    starts, ends = made["period"].dt.start_time, made["period"].dt.end_time.dt.normalize()
    high = made["area_code"].isin(SMALL[::6]).to_numpy()
    return made.assign(period_start=starts, period_end=ends, high=high)


def observations(rng: np.random.Generator) -> pd.DataFrame:
    """Numbers of every indicator; of pupils some areas have none in some years."""

    def events(name, freq, first, last, people, rate):
        made = rows(name, freq, first, last)
        expected = people * rate * np.where(made["high"], 2.0, 1.0)
        return made.assign(numerator=rng.poisson(expected), denominator=people)

    def shares(name, people, share, gap):
        made = rows(name, "Y", "2006", "2012")
        n = rng.integers(*people, len(made))
        x = rng.binomial(n, share + gap * made["high"])
        return made.assign(numerator=x, denominator=n)

    def values(name, centre, gap, noise, reach=None):
        made = rows(name, "Y", "2006", "2012")
        value = centre + gap * made["high"] + rng.normal(0, noise, len(made))
        made = made.assign(value=value.round(3))
        ends = {} if reach is None else {"lower95": value - reach, "upper95": value + reach}
        return made.assign(**ends)

    benefits = rows("benefits", "Q", "2006Q1", "2012Q4")
    constant = rng.normal(0.08, 0.02, len(SMALL)).repeat(28) + 0.06 * benefits["high"]
    benefits = benefits.assign(numerator=(900 * constant).round() + rng.integers(-2, 3, 1008),
                               denominator=900)  # fmt: skip
    broken = events("fires", "Y", "2006", "2012", 1500, 0.02)
    broken["note"] = np.where(broken["period"] == pd.Period("2010"), "break", "")
    covered = events("vehicle_crime", "M", "2010-01", "2012-12", 1500, 0.002)
    covered["coverage"] = np.where(covered["period"] < pd.Period("2012-01", "M"), 0.99, 0.85)
    calls = events("calls", "Y", "2006", "2012", 1500, 0.05).assign(denominator=np.nan)
    made = [
        events("burglary", "M", "2009-01", "2012-12", 600, 0.0015), broken, covered,
        events("noise", "M", "2009-01", "2012-12", 1500, 0.0012),
        benefits, shares("absent", (0, 40), 0.15, 0.2), shares("recycling", (550, 650), 0.7, -0.3),
        values("population_change", -2.0, 5.0, 1.5), values("savings", -400.0, -600.0, 90.0),
        values("wellbeing", 7.0, -1.0, 0.1, 0.2), values("screening", 600.0, -90.0, 20.0, 40.0),
        values("fuel_poverty", 15.0, 8.0, 0.5, 2.0), values("smoking", 20.0, 10.0, 1.0), calls,
        events("falls", "Y", "2006", "2012", 1500, 0.01),
    ]  # fmt: skip
    made = pd.concat(made, ignore_index=True).drop(columns=["period", "high"])
    return made.assign(note=made["note"].fillna(""))


def write_every_kind(path: Path) -> Path:
    """Write the study: 36 small areas on a map of squares, in six larger ones."""
    rng = np.random.default_rng(20)
    larger = [*LARGER]
    areas = [(code, f"Everton {n // 6 + 1:03}{'ABCDEF'[n % 6]}", "lsoa") for n, code in
             enumerate(SMALL)]  # fmt: skip
    areas += [(code, f"Everton {n + 1:03}", "msoa") for n, code in enumerate(larger)]
    table = pd.DataFrame(areas, columns=["area_code", "area_name", "area_type"])
    table = table.assign(code_vintage=2011, borough_code=BOROUGH, is_pilot=False)
    borough = {"area_code": BOROUGH, "area_name": "Everton", "area_type": "borough",
               "code_vintage": 2011, "is_pilot": False}  # fmt: skip
    table = pd.concat([table, pd.DataFrame([borough])], ignore_index=True)
    parts = [(larger[n // 6], code, 2011, 1.0) for n, code in enumerate(SMALL)]
    shapes = [box(370_000 + 1000 * (n % 6), 410_000 + 1000 * (n // 6), 371_000 + 1000 * (n % 6),
                  411_000 + 1000 * (n // 6)) for n in range(36)]  # fmt: skip
    about = {"name": "everton", "title": "Everton", "licenses": [OGL], "lsp:code_vintage": 2011}
    tables = {
        "areas": table,
        "indicators": pd.DataFrame(INDICATORS, columns=COLUMNS),
        "observations": observations(rng),
        "area_members": pd.DataFrame(
            parts, columns=["area_code", "member_code", "code_vintage", "weight"]
        ),
        "populations": pd.DataFrame({"area_code": SMALL, "period": "2012", "population": 1500}),
    }
    geometry = gpd.GeoDataFrame({"area_code": SMALL}, geometry=shapes, crs="EPSG:27700")
    return write_study(path, tables, about=about, geometry=geometry, record_hashes=False)
