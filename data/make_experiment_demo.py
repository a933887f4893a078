"""Make what the demonstration experiment is played with: its units, and what each arm would bring.

``units.csv`` has the areas of a round with their past in the demo study. ``outcomes.csv`` (and
``outcomes-6-months.csv``, for the look) has a row per area and arm: the study's own next months,
changed by what the arm does where it is received. ``progress.csv`` has the delivery that agencies
would report of each. Whatever the draw, what it brings is then a choice among these rows.

    python data/make_experiment_demo.py
"""

import pathlib
import tempfile

import numpy as np
import pandas as pd

from lsp_analysis import open_study
from lsp_analysis.experiments import example, match_pairs

HERE = pathlib.Path(__file__).parent
FOLDER = HERE.parent / "notebooks" / "experiments"
YEAR, BLOCK = 12, 8
OUTCOMES = {"antisocial_behaviour": "incidents", "burglary": "burglaries"}
BASES = {"incidents": "residents", "burglaries": "households"}
STARTS = {1: pd.Period("2010-04", "M"), 2: pd.Period("2011-04", "M")}
AREAS = {1: slice(0, 96), 2: slice(96, 136)}  # of the most deprived ones outside the pilot
SEEDS = {1: 1, 2: 2}
TRUTH = {1: {"wardens": -0.35, "letters": 0.0, "moving_on": 0.35}, 2: {"wardens": -0.3}}
ARMS = {number: ["usual", *truth] for number, truth in TRUTH.items()}
DELIVERED = {"wardens": 0.85, "letters": 0.95, "moving_on": 0.9}
STOPPED = {"moving_on": 7}  # months after which the arm that did harm was stopped
LOST = 40  # place of the area of round 1 whose outcome is not handed over
TEXT = "Lotto 13 February 2010: 4 16 20 25 38 45"  # the wording of notebook 08


def main() -> None:
    """Write the files of both rounds beside their designs."""
    study = open_study(HERE / "bolton_demo")
    units = {number: units_of(study, number) for number in STARTS}
    for number, table in units.items():
        write(table, number, "units.csv")
    with tempfile.TemporaryDirectory() as made:  # the draw that notebook 08 tells of
        drawn = example.draw_example(made, text=TEXT).allocation.set_index("unit")["arm"]
    table = every_arm(study, drawn, 1, YEAR, STOPPED)
    table.loc[table["unit"] == drawn.index[LOST], ["incidents", "burglaries"]] = pd.NA
    write(table, 1, "outcomes.csv")
    write(every_arm(study, drawn, 1, 6, {}), 1, "outcomes-6-months.csv")
    write(progress_of(drawn), 1, "progress.csv")
    second = units[2]["unit"]  # whose draw follows from all that round 1 put on record
    turns = pd.Series(ARMS[2] * (len(second) // 2), index=second)
    write(every_arm(study, turns, 2, YEAR, {}), 2, "outcomes.csv")


def write(table, number, name):
    """Write a table of a round."""
    file = FOLDER / f"round_{number}" / name
    file.write_bytes(table.to_csv(index=False, lineterminator="\n").encode())


def units_of(study, number):
    """Areas of one round with their past: outcome one and two years before, burglary, density."""
    start = STARTS[number]
    before = {
        name: past_rates(study, name, start - YEAR * back, back=YEAR)
        for name, back in (("antisocial_behaviour", 0), ("burglary", 0))
    }
    panel = study.panel("antisocial_behaviour")
    residents = panel[panel["period"] == start - 1].set_index("area_code")["denominator"]
    table = pd.DataFrame(
        {
            "rate_before": before["antisocial_behaviour"],
            "rate_2_before": past_rates(study, "antisocial_behaviour", start - YEAR, back=YEAR),
            "residents": residents.astype(int),
            "burglary_before": before["burglary"],
        }
    )
    shapes = study.geometry(table.index)
    hectares = pd.Series(shapes.geometry.area.to_numpy() / 1e4, shapes["area_code"])
    people = table["residents"] / hectares.reindex(table.index)
    table["density"] = np.where(people > people.median(), "dense", "open")
    table = table.rename_axis("unit").reset_index()
    ranks = study.deprivation(edition=2010).sort_values("rank")["area_code"]
    outside = ranks[~ranks.isin(study.area("Hall i' th' Wood").members)]
    table = table[table["unit"].isin(outside.iloc[AREAS[number]])].round(3)
    if number == 2:
        return match_pairs(table, on=["rate_before", "rate_2_before"]).drop(columns="pair_distance")
    table = table.sort_values(["rate_before", "unit"], ignore_index=True)
    return table.assign(block=[f"block-{1 + i // BLOCK:02d}" for i in range(len(table))])


def past_rates(study, indicator, end, back):
    """Events per 1,000 over the months before `end`, by area."""
    rows = study.panel(indicator)
    rows = rows[(rows["period"] >= end - back) & (rows["period"] < end)]
    by_area = rows.groupby("area_code")
    return 1000 * by_area["numerator"].sum() / by_area["denominator"].mean()


def every_arm(study, drawn, number, months, stopped):
    """A row per area and arm. The draw that the notebook tells of comes first."""
    parts = [
        outcomes_of(study, arms, number, months, stopped, SEEDS[number] + 100 * turn)
        for turn, arms in enumerate(turned(drawn, ARMS[number]))
    ]
    table = pd.concat(parts).sort_values(["unit", "arm"], ignore_index=True)
    return table.astype({"incidents": "Int64", "burglaries": "Int64"})


def turned(drawn, arms):
    """The draw, then the draw with each arm moved on to the next, until all areas had all arms."""
    for turn in range(len(arms)):
        yield drawn.sort_index().map(lambda arm, t=turn: arms[(arms.index(arm) + t) % len(arms)])


def outcomes_of(study, arms, number, months, stopped, seed):
    """The study's own months from the start, thinned or topped up by what the arms do."""
    rng = np.random.default_rng(seed)
    received = received_in(arms, rng)
    received = received * arms.map(lambda arm: stopped.get(arm, months) / months).to_numpy(float)
    table = pd.DataFrame({"unit": arms.index, "arm": arms.array, "received": received.round(3)})
    start = STARTS[number]
    for name, count in OUTCOMES.items():
        rows = study.panel(name)
        rows = rows[(rows["period"] >= start) & (rows["period"] < start + months)]
        sums = rows.groupby("area_code").agg({"numerator": "sum", "denominator": "mean"})
        own = sums.reindex(table["unit"])
        counts = own["numerator"].to_numpy(int)
        if name == "antisocial_behaviour":
            change = arms.map(TRUTH[number]).fillna(0.0).to_numpy() * received
            counts = rng.binomial(counts, np.clip(1 + np.minimum(change, 0), 0, 1)) + rng.poisson(
                counts * np.maximum(change, 0)
            )
        table[count] = counts
        table[BASES[count]] = own["denominator"].round().to_numpy(int)
    return table


def received_in(arms, rng):
    """Share of the programme that each area receives: about its arm's mean, none in the control."""
    mean = arms.map(DELIVERED).fillna(0.0).to_numpy()
    draws = rng.beta(np.maximum(20 * mean, 1e-9), np.maximum(20 * (1 - mean), 1e-9))
    return np.where((mean > 0) & (mean < 1), draws, mean)


def progress_of(drawn):
    """Delivery by area, arm and month: half in the first month, nothing planned after a stop."""
    parts = []
    for turn, arms in enumerate(turned(drawn, ARMS[1])):
        seed = SEEDS[1] + 100 * turn
        received = pd.Series(received_in(arms, np.random.default_rng(seed)), arms.index)
        rng = np.random.default_rng(seed + 1)
        months = pd.DataFrame({"month": range(YEAR)})
        table = pd.DataFrame({"unit": drawn.index}).merge(months, how="cross")
        table.insert(1, "arm", table["unit"].map(arms))
        month = table.pop("month").to_numpy()
        table["period"] = [str(STARTS[1] + int(m)) for m in month]
        open_for = table["arm"].map(lambda arm: STOPPED.get(arm, YEAR)).to_numpy()
        planned = np.where(table["arm"].isin(list(DELIVERED)) & (month < open_for), 16, 0)
        slow = np.where(month == 0, 0.5, 1.0) * YEAR / (YEAR - 0.5)
        done = rng.binomial(planned, np.clip(table["unit"].map(received).to_numpy() * slow, 0, 1))
        checked = np.minimum(done, 4)
        parts.append(
            table.assign(
                planned=planned,
                delivered=done,
                checked=checked,
                faithful=rng.binomial(checked, 0.9),
                seen=4,
                other_arm=rng.binomial(4, 0.01, len(table)),
            )
        )
    return pd.concat(parts).sort_values(["unit", "arm", "period"], ignore_index=True)


if __name__ == "__main__":
    main()
