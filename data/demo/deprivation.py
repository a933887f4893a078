"""Simulated editions of the Indices of Deprivation, each near the latent deprivation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

ENGLISH_AREAS = 32_482
# Edition: year most of its data are of, and its own spread of scores.
EDITIONS = {2004: (2001, 0.64), 2007: (2005, 0.66), 2010: (2008, 0.65)}
BOROUGH_MEAN, MEAN_LOG_SCORE, NOISE_SD = 0.45, 2.85, 0.10


def deprivation_table(
    codes: np.ndarray, deprivation: np.ndarray, vintage: int, rng: np.random.Generator
) -> pd.DataFrame:
    """The table `deprivation`.

    An area's national standing is the borough's mean plus its own deprivation plus what each
    edition measures wrongly; ranks are out of 32,482 and no two areas share one.
    """
    editions = []
    for edition, (data_year, spread) in EDITIONS.items():
        standing = BOROUGH_MEAN + deprivation + NOISE_SD * rng.standard_normal(len(codes))
        rank = distinct(1 + np.floor(ENGLISH_AREAS * ndtr(-standing)).astype(int))
        editions.append(
            pd.DataFrame(
                {
                    "area_code": codes,
                    "code_vintage": vintage,
                    "edition": edition,
                    "rank": rank,
                    "score": np.exp(MEAN_LOG_SCORE + spread * standing).round(2),
                    "decile": 1 + (rank - 1) * 10 // ENGLISH_AREAS,
                    "data_year": data_year,
                }
            )
        )
    return pd.concat(editions, ignore_index=True)


def distinct(ranks: np.ndarray) -> np.ndarray:
    """`ranks` with each shared one moved down to the next that is free."""
    order = np.argsort(ranks, kind="stable")
    steps = np.arange(len(ranks))
    moved = np.empty_like(ranks)
    moved[order] = np.maximum.accumulate(ranks[order] - steps) + steps
    return moved
