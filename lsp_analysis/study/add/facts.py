"""What the numbers of a table are: their unit, their kind, and whether their parts agree."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study import schema
from lsp_analysis.study.add.headings import DOTTED, FRACTIONS, unit_in
from lsp_analysis.study.add.layouts import OwnTable
from lsp_analysis.study.check.text import rounding_of
from lsp_analysis.study.indicator import KIND_OF_VALUE_TYPE

TYPE_OF_UNIT = {row["unit"]: row["value_type"] for row in schema.UNIT_ROWS}
STOCK = re.compile(
    r"claimant|household|population|resident|dwelling|propert|meters?\b|caseload|registered|"
    r"patients|people|persons|families|pupils|vacan|stock|in (?:care|fuel poverty)|benefit|"
    r"headcount|children|carers|numerator",
    re.IGNORECASE,
)
# Words that say that a number of people is not what is given.
DERIVED = re.compile(r"\b(rank|score|index|decile|average|rate|ratio|proportion|year)\b", re.I)
STANDARDISED = re.compile(r"standardi[sz]ed|\bdsr\b|\bsmr\b|\bsar\b", re.IGNORECASE)
MODELLED = re.compile(r"modelled|model-based|prevalence estimate|synthetic", re.IGNORECASE)
ACRONYMS = {"esa", "gcse", "gp", "hb", "idaci", "idaopi", "imd", "jsa", "neet", "nhs", "uc"}
AGED = re.compile(r"([FM]) ?(\d\d?(?: ?(?:to|-) ?\d\d?|\+| (?:and|or) over)?)", re.IGNORECASE)
# Words that publishers write together.
RUN_TOGETHER = re.compile(
    "adult|average|benefit|birth|child(?:ren)?|claimant|count|crime|death|dwelling|employment|fuel"
    "|home|house(?:hold)?|income|low|mean|median|num(?:ber)?|people|person|population|poverty|prices?"
    "|projection|property|rate|ratio|rent|sales?|school|score|term|total|unemployment|vacant"
    "|young",
    re.IGNORECASE,
)
_JOINED = re.compile(f"(?:{RUN_TOGETHER.pattern}){{2,}}", re.IGNORECASE)


def facts_of(
    rows: pd.DataFrame, name: str, place: str, given: Mapping[str, Any], *, percent: bool, ask: bool
) -> dict[str, Any]:
    """Columns of `indicators` for a new indicator, as its heading, its unit or its numbers tell.

    Parameters
    ----------
    rows : its rows, numbers as text.
    name, place : the indicator and the table, for messages.
    given : facts that were given; they come first.
    percent : whether its values have percent signs.
    ask : whether an unknown unit is asked for; else the numbers are shown as they were published.

    Raises
    ------
    SourceError
        The unit cannot be told, and is asked for; or signs and the unit given disagree.
    """
    numbers = {c: _numbers(rows, c) for c in ("numerator", "denominator", "value")}
    counted, based, valued = (c in rows and bool((rows[c] != "").any()) for c in numbers)
    heading = rows["heading"].iloc[0] if "heading" in rows else ""
    written = rows["unit"].iloc[0] if "unit" in rows else ""
    told = unit_in(written) or unit_in(heading) or unit_in(name)
    if percent and given.get("unit", "percent") != "percent":
        raise SourceError(
            f'The values of "{name}" have percent signs, and the unit given is {given["unit"]}. '
            "Give percent as the unit, or take the signs away."
        )
    unit = given.get("unit", "")
    published = not counted
    if not unit and counted and based:
        unit = (unit_in(heading) if valued else "") or _unit_of_parts(**numbers)
        unit = unit if unit not in ("", "count") else "percent"
    if not unit and counted and valued and told.startswith("per"):
        unit = told
    if not unit:
        unit = "percent" if percent else "count" if counted else told
    if not unit and ask:
        raise SourceError(
            f'The table has values of "{name}" and no numerators, so their unit cannot be told. '
            f"Give unit, one of {', '.join(schema.UNITS)}: -p unit=percent. Or name the columns "
            "of counts numerator and denominator."
        )
    words = f"{name} {heading}".replace("_", " ")
    counts = STOCK.search(words) and not DERIVED.search(words)
    if not unit and counts and _all_whole(numbers["value"]):
        unit = "count"
    whole = counts and not FRACTIONS.search(words)
    if not unit and whole and (dotted := _all_dotted(rows["value"])):
        raise SourceError(
            f'All numbers of "{name}" have three decimals, such as "{dotted}" in {place}, and by '
            "its name people or things are counted. If the dot parts thousands, save the table "
            "without it; if they are shares or means, add it with its unit: -p unit=percent."
        )
    asked = {"unit", "value_type", "kind"} & given.keys()
    unknown = not unit and not asked
    unit = unit or "score"
    value_type = "dsr" if STANDARDISED.search(f"{name} {written}") else TYPE_OF_UNIT[unit]
    kind = KIND_OF_VALUE_TYPE[value_type]
    if value_type == "count":
        kind = "stock" if STOCK.search(f"{name} {heading} {written}") else "events"
    elif MODELLED.search(name) or (published and value_type in ("proportion", "rate")) or unknown:
        kind = "published"
    usual = {
        "unit": unit,
        "value_type": given.get("value_type", value_type),
        "kind": kind,
        "multiplier": schema.UNIT_MULTIPLIER.get(unit, 1.0),
        "polarity": "none",
    }
    if "value_type" in given and "kind" not in given:
        usual["kind"] = KIND_OF_VALUE_TYPE.get(str(given["value_type"]), kind)
    return {"name": readable(name)} | usual | dict(given)


def readable(name: str) -> str:
    """A name as people write it, of one that was a column's or a file's: words, a first capital.

    >>> readable("employment_rate"), readable("LongTermVacants"), readable("NEET")
    ('Employment rate', 'Long term vacants', 'NEET')
    >>> readable("distance_to_a_gp"), readable("burglary_rate_per_1_000")
    ('Distance to a GP', 'Burglary rate per 1,000')
    >>> readable("medianprice"), readable("Fuelpoverty"), readable("F0 to 15")
    ('Median price', 'Fuel poverty', 'Females aged 0 to 15')
    """
    plain = re.sub(r"; measures: value$", "", name, flags=re.IGNORECASE)
    if aged := AGED.fullmatch(plain):
        return f"{'Females' if aged[1] in 'Ff' else 'Males'} aged {aged[2]}"
    if re.fullmatch(r"(?:[A-Z][a-z]{2,}){2,}", plain):
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()
    words = plain.replace("_", " ").split() if "_" in plain or " " not in plain else [plain]
    apart = [RUN_TOGETHER.sub(r" \g<0>", w).strip() if _JOINED.fullmatch(w) else w for w in words]
    spaced = " ".join(word.upper() if word in ACRONYMS else word for word in apart)
    spaced = re.sub(r"(?<=\d) (?=000\b)", ",", spaced.replace("english", "English"))
    spaced = re.sub(r"^num ", "number of ", spaced)
    return spaced[:1].upper() + spaced[1:]


def _numbers(rows: pd.DataFrame, column: str) -> pd.Series:
    if column not in rows:
        return pd.Series(dtype="float64")
    return pd.to_numeric(rows[column], errors="coerce").astype("float64")


def _all_whole(values: pd.Series) -> bool:
    given = values.dropna()
    return bool(len(given)) and bool((given == given.round()).all())


def _all_dotted(cells: pd.Series) -> str:
    """The first of two or more numbers all written as thousands parted by a dot, or ""."""
    given = cells[cells != ""]
    return given.iloc[0] if len(given) > 1 and given.map(DOTTED.fullmatch).notna().all() else ""


def _unit_of_parts(numerator: pd.Series, denominator: pd.Series, value: pd.Series) -> str:
    """The unit in which the values are the parts' ratio, or an empty string."""
    if value.notna().sum() == 0:
        return ""
    ratio = (value / (numerator / denominator.where(denominator > 0))).dropna()
    ratio = ratio[(ratio > 0) & (ratio < float("inf"))]
    for unit, multiplier in schema.UNIT_MULTIPLIER.items():
        if len(ratio) and abs(ratio.median() / multiplier - 1) < 0.02:
            return unit
    return "mean" if len(ratio) and abs(ratio.median() - 1) < 0.02 else ""


def _expected(rows: pd.DataFrame) -> pd.Series:
    base = _numbers(rows, "denominator")
    return _numbers(rows, "numerator") / base.where(base > 0)


def refuse_damage(rows: pd.DataFrame, table: OwnTable) -> None:
    """Stop where a column that is numerator / denominator, as published, is not.

    As published: to the decimals printed, times 1 or times the indicator's multiplier.
    """
    if "check" not in rows:
        return
    printed, ratio = _numbers(rows, "check"), _expected(rows)
    multiplier = float((table.layout.indicator if table.layout else {}).get("multiplier", 1.0))
    off = pd.Series(True, index=rows.index)
    for factor in (1.0, multiplier):
        tolerance = rounding_of(rows["check"]) * 1.001 + 2e-6 * (ratio * factor).abs()
        off &= ~((printed - ratio * factor).abs() <= tolerance)
    off &= printed.notna() & ratio.notna()
    if off.any():
        row = table.places.loc[off.idxmax(), "row"]
        raise SourceError(
            f'{table.account.place}, row {row}: "{table.names["check"]}" is not '
            f'"{table.names["numerator"]}" over "{table.names["denominator"]}", so the row is '
            "damaged. Download the file again."
        )


def without_worked_out(rows: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """The rows without values that their own parts give, to the decimals printed.

    A published estimate keeps its value and loses a numerator that it was not worked out from; its
    denominator stays as its weight. A count stands as the numerator.
    """
    made = rows.copy()
    if facts["unit"] == "count" and "value" in made:
        if "numerator" not in made:
            return made.rename(columns={"value": "numerator"})
        return made
    if not {"numerator", "denominator", "value"} <= set(made.columns):
        return made
    if facts.get("kind") == "published":
        return made.drop(columns="numerator")
    if facts["value_type"] in ("dsr", "score"):
        return made
    expected = _expected(made) * float(facts["multiplier"])
    tolerance = rounding_of(made["value"]) * 1.001 + 1e-6 * expected.abs()
    agrees = (_numbers(made, "value") - expected).abs() <= tolerance
    made["value"] = made["value"].mask(agrees & ("lower95" not in made), "")
    return made
