"""Publishers' tables: their headings, and what their numbers are.

The reader of tables does the rest, so a new table is one `Layout` here: see docs/sources.md.
"""

from __future__ import annotations

from lsp_analysis.study.add.layouts import Layout

NOMIS = "Office for National Statistics, from Nomis"
DESNZ = "Department for Energy Security and Net Zero and predecessors"
REGISTRY = "HM Land Registry and Office for National Statistics"
LICENCE = "Open Government Licence v3.0"
PER_CENT = {"unit": "percent", "value_type": "proportion", "kind": "share", "multiplier": 100.0}


def _census(
    table: str, year: int, indicator_id: str, name: str, definition: str, polarity: str,
    whole: str, parts: tuple[str, ...], *, order: tuple[str, ...] = (),
) -> Layout:  # fmt: skip
    """A share of people or households that adds up several answers of one census table."""
    source = f"Census {year}, table {table}"
    facts = {"indicator_id": indicator_id, "name": name, "definition": definition, **PER_CENT}
    facts |= {"polarity": polarity, "source": f"{source} ({NOMIS})", "licence": LICENCE}
    facts["base"] = "households" if "household" in name.casefold() else "residents"
    roles = {"denominator": whole}
    return Layout(
        source,
        NOMIS,
        roles,
        parts=parts,
        facts=facts,
        order=order,
        title_mark=table,
        period=str(year),
    )


def _answers(topic: str, *answers: str) -> tuple[str, ...]:
    return tuple(f"{topic}: {answer}" for answer in answers)


DISABLED = "disabled under the equality act"
CENSUS = (
    _census(
        "TS037", 2021, "bad_health", "People in bad or very bad health",
        "Residents who said on Census Day (21 March 2021) that their health in general was bad or "
        "very bad, of all usual residents. Not adjusted for age.",
        "low_is_good",
        "general health: total: all usual residents",
        _answers("general health", "bad health", "very bad health"),
    ),
    _census(
        "TS038", 2021, "disabled_people", "Disabled people",
        "Residents with a lasting condition that limits their daily activities (disabled under "
        "the Equality Act) on Census Day (21 March 2021), of all usual residents. Not adjusted for "
        "age.",
        "none",
        "disability: total: all usual residents",
        _answers("disability", DISABLED),
    ),
    _census(
        "TS039", 2021, "unpaid_care", "People who give unpaid care",
        "Residents aged 5 and over who said on Census Day (21 March 2021) that they look after "
        "somebody who is ill, disabled or old, unpaid, of all residents of that age.",
        "none",
        "provision of unpaid care: total: all usual residents aged 5 and over",
        _answers(
            "provision of unpaid care",
            "provides 19 hours or less unpaid care a week",
            "provides 20 to 49 hours unpaid care a week",
            "provides 50 or more hours unpaid care a week",
        ),
    ),
    _census(
        "TS040", 2021, "households_with_disabled_people", "Households with a disabled person",
        "Households in which one person or more is disabled under the Equality Act, of all "
        "households on Census Day (21 March 2021).",
        "none",
        "number of disabled people in household: total: all households",
        _answers(
            "number of disabled people in household",
            f"1 person {DISABLED} in household",
            f"2 or more people {DISABLED} in household",
        ),
    ),
    _census(
        "QS415", 2011, "no_central_heating", "Households without central heating",
        "Household spaces with residents and without central heating, of all with residents, on "
        "Census Day (27 March 2011).",
        "low_is_good",
        "all categories: type of central heating in household",
        ("no central heating",),
        order=(
            "Area", "mnemonic", "All categories: Type of central heating in household",
            "No central heating", "Gas central heating", "Electric central heating",
            "Oil central heating", "Solid fuel central heating", "Other central heating",
            "Two or more types of central heating",
        ),
    ),
)  # fmt: skip

CLAIMANTS = Layout(
    "Claimant count by LSOA, Annual Deprivation Index",
    "Autonomy, from Nomis",
    {"denominator": "pop", "numerator": "claimant_count"},
    facts={
        "indicator_id": "claimants",
        "name": "Claimants of unemployment benefits",
        "definition": "Claimants in an average month of the calendar year (the published sum of "
        "twelve monthly counts over twelve), of all residents aged 16 and over at mid-year. "
        "Monthly counts are rounded to 5. The count takes in Universal Credit claimants who must "
        "seek work, whose number grew as that benefit was brought in, so that a change over time "
        "is not a change in unemployment alone.",
        "unit": "percent",
        "value_type": "proportion",
        "kind": "stock",
        "base": "residents aged 16 and over",
        "multiplier": 100.0,
        "polarity": "low_is_good",
        "source": "Annual Deprivation Index (Autonomy), from the claimant count of Nomis",
        "licence": LICENCE,
    },
    check="claimant_rate",
    readings=12,
    carried_forward=True,
)

FUEL_POVERTY = Layout(
    "Sub-regional fuel poverty",
    DESNZ,
    {
        "denominator": r"number of households\d*",
        "numerator": r"number of households in fuel poverty\d*",
        "value": r"proportion of households fuel poor \(%\)",
    },
    facts={
        "indicator_id": "fuel_poverty",
        "name": "Households in fuel poverty (modelled)",
        "definition": "Households with low income in a home that is costly to heat (low income, "
        "low energy efficiency), of all households. Modelled from a national survey: good for "
        "where it is high and low, not for telling one small area from the next.",
        "unit": "percent",
        "value_type": "score",
        "kind": "published",
        "multiplier": 100.0,
        "polarity": "low_is_good",
        "source": f"Sub-regional fuel poverty, {DESNZ}",
        "licence": LICENCE,
    },
    check=r"proportion of households fuel poor \(%\)",
)


def _energy(fuel: str) -> Layout:
    facts = {"unit": "mean", "value_type": "mean", "kind": "mean", "multiplier": 1.0}
    facts |= {"polarity": "none", "licence": LICENCE, "source": f"Sub-national {fuel} use, {DESNZ}"}
    name = f"Domestic {fuel} use per meter (kWh)"
    facts |= {"indicator_id": f"domestic_{fuel}_use", "name": name}
    facts["definition"] = f"Domestic {fuel} used in the year, in kWh, over the number of meters."
    return Layout(
        f"Domestic {fuel} use of small areas",
        DESNZ,
        {
            "denominator": r"number of (?:non-zero )?meters.*|meters",
            "numerator": r"(?:total )?consumption ?\(kwh\)|total domestic .*\(kwh\)",
        },
        facts=facts,
        named=fuel[:4],
        check=r"mean consumption.*",
    )


PATIENTS = Layout(
    "Patients registered at GP practices, by LSOA",
    "NHS England",
    {"period": "extract_date", "numerator": r"number[_ ]of[_ ]patients", "sex": "sex"},
    marks=("practice_code", "lsoa_code"),
    facts={
        "indicator_id": "registered_patients",
        "name": "Patients registered at GP practices",
        "unit": "count", "value_type": "count", "kind": "stock", "multiplier": 1.0,
        "polarity": "none", "source": "NHS England", "licence": LICENCE,
    },
    add_up=True,
    freq="M",
)  # fmt: skip
PRICES = Layout(
    "Median price paid by small area (HPSSA)",
    REGISTRY,
    marks=(r"hpmd\d{6}",),
    facts={
        "indicator_id": "median_price",
        "name": "Median price paid for homes",
        "definition": "Median price of homes sold in the twelve months to the end of the month.",
        "unit": "mean", "value_type": "mean", "kind": "mean", "multiplier": 1.0,
        "polarity": "none", "source": REGISTRY, "licence": LICENCE,
    },
    ending=12,
    complete=False,
)  # fmt: skip
LAYOUTS = (
    *CENSUS,
    CLAIMANTS,
    FUEL_POVERTY,
    _energy("electricity"),
    _energy("gas"),
    PATIENTS,
    PRICES,
)
