"""`estimate` on real data where nothing is known to have happened.

The worst area of every borough of Greater Manchester in the year before every possible start is
taken for treated: claimants as a share, as counts and as values alone by LSOA, MSOA and ward; mean
electricity use, house prices, children in low-income families and households on Universal Credit
by MSOA; the claimant rate by ward and month; burglary in Bolton by month. Starts of one borough
overlap, so standard errors are clustered by borough.

    OMP_NUM_THREADS=1 python benchmarks/real_nulls.py ../shared/real
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from lsp_analysis import Question
from lsp_analysis.effects.one_area.neighbourhoods import find_groups, read_panel
from lsp_analysis.effects.one_area.placebo_rank import judge
from lsp_analysis.errors import LspError

ALPHA = 0.05 + 1e-9
FEWEST = 20  # areas of a borough
YEARS = range(2013, 2023)


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge every borough at every start, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the real data")
    parser.add_argument("--only", default="", help="data sets whose names hold this text")
    options = parser.parse_args(arguments)
    rows = [
        {"data": name, "borough": borough, **tried}
        for name, borough, frame, kind in panels(options.folder)
        if options.only in name
        for tried in trials(frame, kind)
    ]
    print(table(pd.DataFrame(rows)).to_string())


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Per data set: per cent rejected with an error clustered by borough, boroughs in which any
    start was, and the mean statistic with its error."""
    found = {}
    for name, own in rows.groupby("data", sort=False):
        by = own.groupby("borough")[["rejected", "statistic"]]
        means, errors = by.mean(), by.mean().sem()
        found[name] = {
            "trials": len(own),
            "rejected": f"{100 * own['rejected'].mean():.1f} ({100 * errors['rejected']:.1f})",
            "boroughs": f"{int((means['rejected'] > 0).sum())} of {len(means)}",
            "mean statistic": f"{own['statistic'].mean():+.2f} ({errors['statistic']:.2f})",
        }
    return pd.DataFrame(found).T


def trials(frame: pd.DataFrame, kind: str) -> Iterator[dict[str, object]]:
    """The worst area of the year before, at every start with a year or two dates before it."""
    population = "people" if "people" in frame else None
    dates = sorted(frame["period"].unique())
    cycle = {"M": 12, "Q": 4}.get(dates[0].freqstr[0], 1)
    wide = frame.assign(
        rate=frame["value"] / (frame["people"] if population and kind != "mean" else 1)
    ).pivot_table(index="area_code", columns="period", values="rate")
    for at in range(max(2, cycle), len(dates) - max(0, cycle // 4 - 1), max(1, cycle // 4)):
        worst = wide[dates[max(0, at - cycle) : at]].mean(axis=1).idxmax()
        try:
            question = Question.from_frame(
                frame, "value", [worst], dates[at], population=population, kind=kind
            )
            found = judge(read_panel(question), find_groups(question), question.level)
        except LspError:
            continue
        yield {"rejected": found.p_value <= ALPHA, "statistic": float(found.statistic[0])}


def panels(folder: Path) -> Iterator[tuple[str, str, pd.DataFrame, str]]:
    """Name, borough, tidy panel and kind of every data set."""
    lookup = pd.read_csv(folder / "lookups/gm_statistical_lookup_oa11_lsoa11_msoa11_lad.csv")
    lookup = lookup.drop_duplicates("lsoa11cd").set_index("lsoa11cd")
    wards = pd.read_csv(folder / "lookups/gm_lsoa11_to_ward_best-fit_lookup.csv")
    lookup["wd17cd"] = wards.set_index("lsoa11cd")["wd17cd"]
    claimants = _claimants(folder).join(lookup[["msoa11cd", "wd17cd", "lad11cd"]], on="area_code")
    for level, column in (("LSOA", "area_code"), ("MSOA", "msoa11cd"), ("ward", "wd17cd")):
        summed = claimants.groupby(["lad11cd", column, "period"])[["value", "people"]].sum()
        for borough, own in summed.reset_index().groupby("lad11cd"):
            own = own.rename(columns={column: "area_code"})
            share = own.assign(value=own["value"] / 12)
            yield f"claimants, share, {level}", borough, share, "share"
            yield f"claimants, counts, {level}", borough, own, "events"
            alone = share.assign(value=share["value"] / share["people"]).drop(columns="people")
            yield f"claimants, values, {level}", borough, alone, "share"
    yield from _by_borough("electricity, means, MSOA", _electricity(folder), "mean")
    homes = lookup.drop_duplicates("msoa11cd").set_index("msoa11nm")
    people = claimants[claimants["period"] == "2017"].groupby("msoa11cd")["people"].sum()
    for name, file, first in (
        ("children in low-income families, MSOA", "children_relative_low_income_msoa_14-22", 0),
        ("households on Universal Credit, MSOA, monthly", "households_on_UC_msoa_15-22", 36),
    ):
        path = folder / f"panel-msoa-statxplore/{file}_gm.csv"
        yield from _by_borough(name, _stat_xplore(path, homes, people, first), "stock")
    yield from _by_borough("claimant rate, ward, monthly", _ward_rates(folder, wards), "share")
    yield from _by_borough("house prices, MSOA, quarterly", _prices(folder, homes), "mean")
    yield "burglary, LSOA, monthly", "Bolton", _burglary(folder, claimants), "events"


def _by_borough(name: str, frame: pd.DataFrame, kind: str) -> Iterator:
    for borough, own in frame.groupby("borough"):
        if own["area_code"].nunique() >= FEWEST:
            yield name, borough, own.drop(columns="borough"), kind


def _claimants(folder: Path) -> pd.DataFrame:
    files = [
        pd.read_csv(folder / f"panel-lsoa-claimants/ADI_claimant_counts_{year}_gm.csv").assign(
            period=pd.Period(str(year), "Y")
        )
        for year in YEARS
    ]
    return pd.concat(files).rename(columns={"claimant_count": "value", "pop": "people"})


def _electricity(folder: Path) -> pd.DataFrame:
    files = []
    for path in sorted((folder / "panel-msoa-electricity").glob("*.csv")):
        frame = pd.read_csv(path, thousands=",", skipinitialspace=True)
        frame.columns = frame.columns.str.strip().str.lower()
        code = next(name for name in frame if "msoa" in name and "code" in name)
        borough = next(name for name in frame if "local" in name and "code" in name)
        mean = next(name for name in frame if name.startswith("mean"))
        meters = next(name for name in frame if "number of" in name or name == "meters")
        number = [
            pd.to_numeric(frame[name].astype(str).str.replace(",", "").str.strip(), "coerce")
            for name in (mean, meters)
        ]
        files.append(
            pd.DataFrame(
                {
                    "area_code": frame[code], "borough": frame[borough],
                    "period": pd.Period(path.stem.split("_")[3], "Y"),
                    "value": number[0], "people": number[1],
                }
            ).dropna()
        )  # fmt: skip
    return pd.concat(files)


def _stat_xplore(path: Path, homes: pd.DataFrame, people: pd.Series, first: int) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    head = next(row for row in rows if row and row[0] in ("Month", "Year"))
    at = [i for i, text in enumerate(head) if i and text and "Annot" not in text][first:]
    records = []
    for row in rows:
        if row and row[0] in homes.index:
            code, borough = homes.loc[row[0], ["msoa11cd", "lad11cd"]]
            for i in at:
                year = head[i].split("(")[0].strip()
                period = pd.Period(year[:4], "Y") if "/" in year else pd.Period(year, "M")
                value = 0.0 if row[i] in ("", "..") else float(row[i])
                records.append((code, borough, period, value, people[code]))
    return pd.DataFrame(records, columns=["area_code", "borough", "period", "value", "people"])


def _ward_rates(folder: Path, wards: pd.DataFrame) -> pd.DataFrame:
    path = folder / "panel-ward-claimants/gm_claimant_rate_ward_lad_2015-11_2018-11.csv"
    frame = pd.read_csv(path).rename(columns={"Geography": "area_code", "Value": "value"})
    frame["borough"] = frame["area_code"].map(
        wards.drop_duplicates("wd17cd").set_index("wd17cd")["lad17cd"]
    )
    frame["period"] = pd.PeriodIndex(frame["Date"], freq="M")
    return frame.dropna()[["area_code", "borough", "period", "value"]]


def _prices(folder: Path, homes: pd.DataFrame) -> pd.DataFrame:
    frame = pd.read_csv(folder / "house-prices/onshpssahouseprices_msoa_gm.csv")
    columns = [name for name in frame if name.startswith("medianprice")]
    long = frame.melt("AREA_CODE", columns, var_name="period").dropna()
    long["period"] = pd.PeriodIndex(long["period"].str.extract(r"_(\d{4}q\d)")[0], freq="Q")
    long = long.rename(columns={"AREA_CODE": "area_code"})
    return long.assign(borough=long["area_code"].map(homes.set_index("msoa11cd")["lad11cd"]))


def _burglary(folder: Path, claimants: pd.DataFrame) -> pd.DataFrame:
    points = pd.read_csv(folder / "police-uk/gmp_bur_bolton.csv")
    map_ = json.loads((folder / "boundaries/lsoa_2011_bolton_E08000001.json").read_text())
    shapes = [shapely.geometry.shape(one["geometry"]) for one in map_["features"]]
    codes = [
        next(v for k, v in one["properties"].items() if k.upper() in ("LSOA11CD", "LSOA11CDO"))
        for one in map_["features"]
    ]
    found, area = shapely.STRtree(shapes).query(
        shapely.points(points["Longitude"], points["Latitude"]), predicate="within"
    )
    counts = pd.crosstab(np.array(codes)[area], points["Month"].to_numpy()[found])
    counts = counts.reindex(codes, fill_value=0).rename_axis("area_code").reset_index()
    long = counts.melt("area_code", var_name="period")
    people = claimants[claimants["period"] == "2017"].set_index("area_code")["people"]
    return long.assign(
        period=pd.PeriodIndex(long["period"], freq="M"), people=long["area_code"].map(people)
    )


if __name__ == "__main__":
    main()
