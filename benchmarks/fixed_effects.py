"""Two-way fixed effects on 33,000 areas x 60 months, side by side with pyfixest.

Run it from the root of the checkout: ``python benchmarks/fixed_effects.py``. On a
busy machine ours took about twice as long (see ``README.md``). Errors are clustered by area.
Estimates must be the same, and errors too once both count the absorbed effects alike.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from lsp_analysis.effects import two_way_regression

AREAS, PERIODS = 33_000, 60
FORMULA = "rate ~ on | area_code + period"


def borough_panel(seed: int = 0) -> pd.DataFrame:
    """England's small areas by month: a rate and a programme in a tenth of them."""
    rng = np.random.default_rng(seed)
    n = AREAS * PERIODS
    treated = np.repeat(rng.random(AREAS) < 0.1, PERIODS)
    period = np.tile(np.arange(PERIODS), AREAS)
    level = np.repeat(rng.normal(0, 0.5, AREAS), PERIODS)
    on = (treated & (period >= PERIODS // 2)).astype(float)
    return pd.DataFrame(
        {
            "area_code": np.repeat(np.char.add("E010", np.arange(AREAS).astype(str)), PERIODS),
            "period": period,
            "on": on,
            "rate": level + 0.01 * period + 0.1 * on + rng.normal(0, 1, n),
        }
    )


def timed(work: Callable[[], object], repeats: int = 3) -> tuple[float, object]:
    """Seconds of the fastest of a few runs, and what it returned."""
    times, answer = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - start)
    return min(times), answer


def ours(frame: pd.DataFrame) -> Callable[[], tuple[float, float]]:
    """This package's regression: its estimate and error."""

    def work() -> tuple[float, float]:
        row = two_way_regression(frame, "rate", ["on"]).coefficients.loc["on"]
        return row["estimate"], row["se"]

    return work


def theirs(frame: pd.DataFrame) -> Callable[[], tuple[float, float]]:
    """The same by pyfixest, absorbed effects counted as we do."""
    import pyfixest as pf

    def work() -> tuple[float, float]:
        row = pf.feols(
            FORMULA,
            data=frame,
            vcov={"CRV1": "area_code"},
            ssc=pf.ssc(k_fixef="full"),
        ).tidy()
        return row["Estimate"].iloc[0], row["Std. Error"].iloc[0]

    return work


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    frame = borough_panel()
    panels = {
        "complete": frame,
        "a tenth of the rows missing": frame.sample(frac=0.9, random_state=1).sort_index(),
        "shuffled": frame.sample(frac=1.0, random_state=1),
    }
    rows = []
    for name, panel in panels.items():
        mine, own = timed(ours(panel))
        peer, other = timed(theirs(panel))
        rows.append(
            {
                "panel": name,
                "rows": len(panel),
                "seconds": mine,
                "pyfixest": peer,
                "times as fast": peer / mine,
                "estimate differs by": abs(own[0] - other[0]),
                "error differs by": abs(own[1] / other[1] - 1),
            }
        )
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda x: f"{x:.3g}"))


if __name__ == "__main__":
    main()
