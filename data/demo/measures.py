"""What the demo study measures, and how each outcome is simulated."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from demo.sharing import DISCLOSURE_PROFILES

LICENCE = "MIT (simulated data)"
SOURCE = "Simulated by data/make_bolton_demo.py; no real count of any place"
PRIMARY = "antisocial_behaviour"
# What the indicators table says of each way to draw, and of bases whose name needs a noun.
KIND_OF_DRAW = {"poisson": "events", "binomial": "share", "stock": "stock"}
BASE_WORDS = {
    name: f"residents {name}"
    for name in ("aged 15 and over", "aged 15 to 64", "aged under 15", "aged 16 to 18")
} | {"pupils at 16": "pupils"}


@dataclass(frozen=True)
class Effect:
    """What the programme truly does: log ratios of the expected count from its start on."""

    pilot: float = 0.0
    neighbours: float = 0.0


@dataclass(frozen=True)
class Break:
    """A change of recording in all areas: log shift from `start` on."""

    start: str
    shift: float
    reason: str


@dataclass(frozen=True)
class Measure:
    """One indicator and the law its numbers follow.

    Attributes
    ----------
    frequency : "M", "Y" or "Y-MAR"
    base : what the denominator counts, a key of `people.denominators`
    level : borough value in the indicator's unit, per period
    gradient : change of the log (of a proportion: logit) level per standard deviation of
        deprivation
    own_sd, spatial : the areas' own levels beside deprivation, alike among neighbours
    overdispersion, autocorrelation : shocks, as in
        `demo.boroughs.simulate_borough`
    season, peak : amplitude of the yearly wave and its highest month (1 to 12)
    trend : change per year, on the scale of `gradient`
    recession : shift, on that scale, at the height of the recession of 2008-09
    narrowing : share of the gradient that goes away per year
    drawn : "poisson", "binomial", or "stock" (the same people from month to month, so no fresh
        draw each month: the expectation is rounded)
    margin : difference, in the unit and per year, that counts as close enough
    ages : profile of `people.AGE_PROFILES` when counts are by sex and five-year age band
    """

    indicator_id: str
    name: str
    definition: str
    theme: str
    agency: str
    unit: str
    value_type: str
    polarity: str
    aim: str
    frequency: str
    base: str
    level: float
    gradient: float
    own_sd: float = 0.15
    spatial: float = 0.4
    overdispersion: float = 0.05
    autocorrelation: float = 0.4
    season: float = 0.0
    peak: int = 7
    trend: float = 0.0
    recession: float = 0.0
    narrowing: float = 0.0
    drawn: str = "poisson"
    ages: str = ""
    margin: float | None = None
    kind: str = "outcome"
    effect: Effect = field(default_factory=Effect)
    break_in: Break | None = None

    @property
    def multiplier(self) -> float:
        """Factor of the unit."""
        return {"percent": 100.0, "per_1000": 1_000.0, "per_100000": 100_000.0}[self.unit]


MEASURES = (
    Measure(
        "emergency_admissions",
        "Emergency hospital admissions",
        "Emergency admissions to hospital in the year, per 1,000 residents",
        theme="Healthy",
        agency="Primary Care Trust",
        unit="per_1000",
        value_type="rate",
        polarity="low_is_good",
        aim="gap",
        frequency="Y",
        base="residents",
        level=95,
        gradient=0.16,
        own_sd=0.06,
        overdispersion=0.004,
        trend=0.015,
        ages="admissions",
    ),
    Measure(
        "deaths",
        "Deaths from all causes",
        "Deaths in the year, all causes and ages, per 100,000 residents",
        theme="Healthy",
        agency="Primary Care Trust",
        unit="per_100000",
        value_type="rate",
        polarity="low_is_good",
        aim="gap",
        frequency="Y",
        base="residents",
        level=960,
        gradient=0.18,
        own_sd=0.10,
        overdispersion=0.01,
        trend=-0.015,
        ages="deaths",
    ),
    Measure(
        "smoking_quits",
        "Smokers who quit with the stop-smoking service",
        "Residents not smoking four weeks after their quit date in the month, per 1,000 aged 15+",
        theme="Healthy",
        agency="Primary Care Trust",
        unit="per_1000",
        value_type="rate",
        polarity="high_is_good",
        aim="both",
        frequency="M",
        base="aged 15 and over",
        level=1.0,
        gradient=0.22,
        own_sd=0.12,
        season=0.35,
        peak=1,
        trend=0.03,
        kind="behaviour",
        effect=Effect(pilot=float(np.log(1.5))),
    ),
    Measure(
        "gcse_five_good",
        "Five good GCSEs with English and mathematics",
        "Pupils at the end of key stage 4 with five or more GCSEs at A* to C including English and "
        "mathematics, percent of pupils",
        theme="Achieving",
        agency="Council",
        unit="percent",
        value_type="proportion",
        polarity="high_is_good",
        aim="gap",
        frequency="Y",
        base="pupils at 16",
        level=44,
        gradient=-0.50,
        own_sd=0.20,
        trend=0.09,
        narrowing=0.02,
        drawn="binomial",
    ),
    Measure(
        "neet",
        "Young people not in education, employment or training",
        "Residents aged 16 to 18 not in education, employment or training, percent",
        theme="Achieving",
        agency="Council",
        unit="percent",
        value_type="proportion",
        polarity="low_is_good",
        aim="gap",
        frequency="Y-MAR",
        base="aged 16 to 18",
        level=8,
        gradient=0.45,
        own_sd=0.15,
        trend=-0.03,
        recession=0.20,
        drawn="binomial",
    ),
    Measure(
        "jobseekers",
        "Residents claiming Jobseeker's Allowance",
        "Residents claiming Jobseeker's Allowance on count day, percent of residents aged 15 to 64",
        theme="Prosperous",
        agency="Jobcentre",
        unit="percent",
        value_type="proportion",
        polarity="low_is_good",
        aim="both",
        frequency="M",
        margin=1.0,
        base="aged 15 to 64",
        level=3.6,
        gradient=0.50,
        own_sd=0.12,
        spatial=0.6,
        overdispersion=0.02,
        autocorrelation=0.92,
        season=0.05,
        peak=2,
        trend=-0.02,
        recession=0.65,
        drawn="stock",
    ),
    Measure(
        "child_poverty",
        "Children in households on out-of-work benefits",
        "Children under 15 in households claiming an out-of-work benefit, percent",
        theme="Prosperous",
        agency="Council",
        unit="percent",
        value_type="proportion",
        polarity="low_is_good",
        aim="gap",
        frequency="Y",
        base="aged under 15",
        level=22,
        gradient=0.75,
        own_sd=0.15,
        trend=-0.02,
        recession=0.15,
        drawn="binomial",
    ),
    Measure(
        "antisocial_behaviour",
        "Anti-social behaviour",
        "Incidents of anti-social behaviour recorded by the police in the month, per 1,000 "
        "residents",
        theme="Safe",
        agency="Police",
        unit="per_1000",
        value_type="rate",
        polarity="low_is_good",
        aim="both",
        frequency="M",
        margin=6.0,
        base="residents",
        level=4.2,
        gradient=0.35,
        own_sd=0.25,
        overdispersion=0.08,
        autocorrelation=0.6,
        season=0.22,
        peak=7,
        trend=-0.02,
        effect=Effect(pilot=float(np.log(0.8))),
    ),
    Measure(
        "burglary",
        "Burglary in a dwelling",
        "Burglaries in a dwelling recorded in the month, per 1,000 households",
        theme="Safe",
        agency="Police",
        unit="per_1000",
        value_type="rate",
        polarity="low_is_good",
        aim="both",
        frequency="M",
        base="households",
        level=1.7,
        gradient=0.25,
        own_sd=0.25,
        spatial=0.6,
        overdispersion=0.25,
        autocorrelation=0.5,
        season=0.12,
        peak=12,
        trend=-0.06,
        recession=0.05,
        effect=Effect(pilot=float(np.log(0.75)), neighbours=float(np.log(1.1))),
    ),
    Measure(
        "fly_tipping",
        "Fly-tipping",
        "Incidents of fly-tipping reported to the council in the year, per 1,000 residents",
        theme="Cleaner and greener",
        agency="Council",
        unit="per_1000",
        value_type="rate",
        polarity="low_is_good",
        aim="both",
        frequency="Y-MAR",
        base="residents",
        level=14,
        gradient=0.40,
        own_sd=0.30,
        overdispersion=0.06,
        trend=-0.02,
        break_in=Break("2009-04-01", float(np.log(1.35)), "a telephone line for reports opened"),
    ),
    Measure(
        "recycling",
        "Households that recycle",
        "Households that put out recycling in a four-week count on the rounds, percent",
        theme="Cleaner and greener",
        agency="Council",
        unit="percent",
        value_type="proportion",
        polarity="high_is_good",
        aim="prosperity",
        frequency="Y-MAR",
        margin=5.0,
        base="households",
        level=58,
        gradient=-0.35,
        own_sd=0.15,
        overdispersion=0.02,
        trend=0.12,
        drawn="binomial",
        kind="behaviour",
    ),
    Measure(
        "influence",
        "Residents who feel they can influence decisions",
        "Respondents to the residents' survey who agree that they can influence decisions on their "
        "local area, percent",
        theme="Strong and confident",
        agency="Council",
        unit="percent",
        value_type="proportion",
        polarity="high_is_good",
        aim="gap",
        frequency="Y",
        base="survey respondents",
        level=29,
        gradient=-0.15,
        own_sd=0.15,
        trend=0.01,
        drawn="binomial",
    ),
)


def indicators_table() -> pd.DataFrame:
    """The table `indicators`."""
    return pd.DataFrame(
        {
            "indicator_id": measure.indicator_id,
            "name": measure.name,
            "definition": f"Simulated. {measure.definition}.",
            "unit": measure.unit,
            "value_type": measure.value_type,
            "kind": KIND_OF_DRAW[measure.drawn],
            "unit_period": "year" if measure.drawn == "poisson" else None,
            "base": BASE_WORDS.get(measure.base, measure.base),
            "multiplier": measure.multiplier,
            "polarity": measure.polarity,
            "margin": measure.margin,
            "age_related": bool(measure.ages),
            "aim": measure.aim,
            "theme": measure.theme,
            "lead_agency": measure.agency,
            "source": SOURCE,
            "licence": LICENCE,
            "disclosure_profile": DISCLOSURE_PROFILES[measure.indicator_id],
        }
        for measure in MEASURES
    )
