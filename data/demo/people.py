"""Simulated residents by sex and five-year age band, and the denominators made from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

YEARS = np.arange(2003, 2013)
BANDS = [*(f"{age}-{age + 4}" for age in range(0, 90, 5)), "90+"]
SEXES = ["female", "male"]
MEAN_RESIDENTS = 1_500
HOUSEHOLD_SIZE = 2.35
SURVEY_SAMPLE = 30

# A typical English age profile of the years, percent of residents, in bands from 0-4 to 90+.
AGE_SHARE = np.array(
    [6.1, 5.8, 6.1, 6.5, 6.6, 6.4, 6.2, 7.1, 7.5, 6.9, 6.1, 6.0, 5.6, 4.5, 3.9, 3.2, 2.4, 1.4, 0.7]
)
# Deprived areas are younger: change of the log share per standard deviation of deprivation.
AGE_TILT = np.interp(np.arange(19), [0, 6, 12, 18], [0.18, 0.08, -0.10, -0.14])
FEMALE_SHARE = np.interp(np.arange(19), [0, 5, 13, 16, 18], [0.488, 0.500, 0.525, 0.61, 0.74])


def rate_by_band(*knots: tuple[int, float]) -> np.ndarray:
    """Relative rate in each of the 19 bands, on straight lines in its log between `knots`."""
    positions, rates = zip(*knots, strict=True)
    return np.exp(np.interp(np.arange(len(BANDS)), positions, np.log(rates)))


# Women, then men; only the shape matters.
AGE_PROFILES = {
    "admissions": np.stack(
        [
            rate_by_band((0, 1.9), (1, 0.7), (4, 0.8), (8, 0.6), (12, 0.9), (18, 5.6)),
            rate_by_band((0, 2.3), (1, 0.8), (7, 0.65), (12, 1.15), (18, 6.4)),
        ]
    ),
    "deaths": np.stack(
        [
            rate_by_band((0, 1.1), (1, 0.1), (4, 0.3), (8, 1.2), (18, 205)),
            rate_by_band((0, 1.4), (1, 0.1), (3, 0.5), (8, 2.0), (18, 235)),
        ]
    ),
}


def draw_residents(rng: np.random.Generator, deprivation: np.ndarray) -> np.ndarray:
    """Residents, areas x years x sexes x bands, each cell of one person at least.

    Areas differ in size, growth and age; people do not grow older from year to year, for the
    profile of an area stays what it is.

    Parameters
    ----------
    rng : numpy Generator
    deprivation : array of areas, standard normal
    """
    n_areas = len(deprivation)
    size = MEAN_RESIDENTS * np.exp(0.13 * rng.standard_normal(n_areas))
    growth = 0.003 + 0.006 * rng.standard_normal(n_areas)
    total = size[:, None] * np.exp(growth[:, None] * (YEARS - YEARS[0]))
    tilt = deprivation[:, None] * AGE_TILT + 0.08 * rng.standard_normal((n_areas, len(BANDS)))
    share = AGE_SHARE * np.exp(tilt)
    share /= share.sum(axis=1, keepdims=True)
    by_sex = np.stack([share * FEMALE_SHARE, share * (1 - FEMALE_SHARE)], axis=1)
    return np.maximum(np.rint(total[:, :, None, None] * by_sex[:, None]), 1).astype(np.int64)


def denominators(rng: np.random.Generator, residents: np.ndarray) -> dict[str, np.ndarray]:
    """What each measure is out of, areas x years, whole numbers of one or more."""
    by_band = residents.sum(axis=2)
    everyone = by_band.sum(axis=2)
    teenagers = by_band[:, :, BANDS.index("15-19")]
    asked = np.full(everyone.shape, SURVEY_SAMPLE)
    made = {
        "residents": everyone,
        "aged under 15": by_band[:, :, :3].sum(axis=2),
        "aged 15 and over": by_band[:, :, 3:].sum(axis=2),
        "aged 15 to 64": by_band[:, :, 3:13].sum(axis=2),
        "aged 16 to 18": teenagers * 3 / 5,
        "pupils at 16": teenagers / 5,
        "households": everyone / HOUSEHOLD_SIZE,
        "survey respondents": np.maximum(rng.poisson(asked), 10),
    }
    return {name: np.maximum(np.rint(base), 1).astype(np.int64) for name, base in made.items()}


def populations_table(codes: np.ndarray, residents: np.ndarray) -> pd.DataFrame:
    """The table `populations`: a row per area, year, sex and band."""
    index = pd.MultiIndex.from_product(
        [codes, YEARS, SEXES, BANDS], names=["area_code", "period", "sex", "age_band"]
    )
    return pd.Series(residents.ravel(), index=index, name="population").reset_index()
