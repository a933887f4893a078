"""Proposition 99 with its published predictors: time and fit of California and its 38 placebos.

Run it from the root of the checkout: ``python benchmarks/prop99.py [folder]``, the folder holding
the reference material (``../shared/gold`` if left out). The target is 20 seconds on two cores at a
fit no worse than that of R's Synth, which took 1,046 seconds here. Only one core is used: all
states and all starts are searched side by side. The second table lets pysyncon fit California
alone from its default start, which takes it a minute or more.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import pandas as pd

from lsp_analysis import Question
from lsp_analysis.effects import synthetic_control

TARGET = 20.0
EIGHTIES = range(1980, 1989)
PREDICTORS = [
    ("lnincome", EIGHTIES, "mean"),
    ("retprice", EIGHTIES, "mean"),
    ("age15to24", EIGHTIES, "mean"),
    ("beer", range(1984, 1989), "mean"),
    ("cigsale", [1975], "mean"),
    ("cigsale", [1980], "mean"),
    ("cigsale", [1988], "mean"),
]
SYNTH = {"California": 3.166201}
PEER_STATES = ("California",)


def ours(smoking: pd.DataFrame):
    """California and its 38 placebos."""
    question = Question.from_frame(
        smoking.rename(columns={"state": "area_code", "year": "period"}), "cigsale",
        ["California"], 1989, covariates=["lnincome", "retprice", "age15to24", "beer"],
    )  # fmt: skip
    return synthetic_control(question, predictors=PREDICTORS)


def theirs(smoking: pd.DataFrame, state: str) -> tuple[float, float]:
    """Seconds pysyncon takes for one state, and the mean squared error before 1989 it reaches."""
    import pysyncon

    dataprep = pysyncon.Dataprep(
        foo=smoking,
        predictors=[],
        predictors_op="mean",
        dependent="cigsale",
        unit_variable="state",
        time_variable="year",
        treatment_identifier=state,
        controls_identifier=[name for name in smoking["state"].unique() if name != state],
        time_predictors_prior=EIGHTIES,
        time_optimize_ssr=range(1970, 1989),
        special_predictors=PREDICTORS,
    )
    synth = pysyncon.Synth()
    start = time.perf_counter()
    synth.fit(dataprep)
    return time.perf_counter() - start, float(synth.mspe())


def print_ours(smoking: pd.DataFrame) -> dict[str, float]:
    """Time, rank and fit; returns each state's error before 1989."""
    rows = []
    for run in range(3):
        start = time.perf_counter()
        found = ours(smoking)
        seconds = time.perf_counter() - start
        rows.append(
            {
                "run": run,
                "seconds": seconds,
                "within target": seconds <= TARGET,
                "California before": found.pre_mspe,
                "Synth's": SYNTH["California"],
                "rank": f"{found.rank} of {found.n_ranked}",
                "outcomes only": f"{found.outcomes_only_rank} of {found.n_ranked}",
                "worst start": found.starts["fit_mspe"].max(),
                "placebos' median": found.placebos["pre_mspe"].median(),
            }
        )
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    fits = found.placebos.set_index("areas")["pre_mspe"]
    return {"California": found.pre_mspe} | fits.to_dict()


def print_theirs(smoking: pd.DataFrame, fits: dict[str, float]) -> None:
    """The same states, one at a time, by pysyncon from its default start."""
    rows = []
    for state in PEER_STATES:
        seconds, error = theirs(smoking, state)
        rows.append(
            {"state": state, "pysyncon seconds": seconds, "its error": error, "ours": fits[state]}
        )
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda x: f"{x:.4g}"))


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    root = Path(__file__).resolve().parents[2]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "shared" / "gold"
    smoking = pd.read_csv(folder / "prop99" / "smoking.csv")
    fits = print_ours(smoking)
    print()
    print_theirs(smoking, fits)


if __name__ == "__main__":
    main()
