"""A table that was read, as rows of a study: codes carried over, indicators named, all checked.

What its numbers are (their unit, their kind) is told by their headings or by themselves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study import schema
from lsp_analysis.study.add.headings import DOTTED, FRACTIONS, each, number_in, unit_in, written
from lsp_analysis.study.add.layouts import Account, Layout, OwnTable, complete_account
from lsp_analysis.study.add.places import Places, carry_over
from lsp_analysis.study.areas import fold_name, slug
from lsp_analysis.study.check.problems import Problem, Sheet
from lsp_analysis.study.check.rows import check_rows
from lsp_analysis.study.check.series import check_periods
from lsp_analysis.study.check.text import judge_sheet, rounding_of
from lsp_analysis.study.indicator import KIND_OF_VALUE_TYPE, months_to

KEY = list(schema.TABLES["observations"].key)
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


@dataclass(frozen=True)
class Taken:
    """A table ready for a study.

    Attributes
    ----------
    observed : its rows of `observations`, as text and in the schema's types.
    indicators : the study's indicators with the new ones.
    problems, gaps : what forbids to take it in, and what only has to be told.
    """

    observed: Sheet
    indicators: pd.DataFrame
    problems: list[Problem]
    gaps: list[Problem]


def take_table(
    table: OwnTable,
    places: Places,
    known: pd.DataFrame,
    *,
    name: str,
    indicator_id: str = "",
    facts: Mapping[str, Any],
    ask: bool,
) -> Taken:
    """The rows of `table` in the study's codes, with their indicators, checked as the study is.

    Parameters
    ----------
    table : from `read_own_tables`; its account is completed.
    places : areas of the study.
    known : the study's table `indicators`.
    name, indicator_id : of the indicator, where the table names none.
    facts : columns of `indicators` for new ones.
    ask : whether a unit that cannot be told is asked for.
    """
    account = table.account
    table.cells = table.cells.assign(origin=table.cells.index)
    special = table.layout or Layout("", "")
    cells = _added_up(table) if special.add_up else table.cells
    if special.answers:
        cells = _over_all_answers(cells, table)
    _refuse_damage(cells, table)
    if special.readings > 1:
        said = f"the average of {special.readings} counts is kept in place of their sum"
        account.notes.append(said)
        means = _numbers(cells, "numerator") / special.readings
        averages = cells["numerator"].where(means.isna(), means.map("{:.15g}".format))
        cells = cells.assign(numerator=averages)
    cells = _one_year_end(cells, account)
    told, headed = each(cells["unit"], unit_in), each(cells["heading"], unit_in)
    cells = cells.assign(is_count=(told == "count") | ((told == "") & (headed == "count")))
    cells = carry_over(cells, places, account.place, account.notes).drop(columns="is_count")
    table.places = table.places.reindex(cells.pop("origin")).set_axis(cells.index)
    given = {**special.indicator, **facts}
    indicator_id = indicator_id or str(given.pop("indicator_id", ""))
    cells, indicators = _with_indicators(cells, table, known, name, indicator_id, given, ask)
    observed, problems = judge_sheet("observations", account.file, _in_schema(cells), [])
    complete_account(account, observed.typed, indicators, places)
    fill = {c.name: "" if c.default is None else c.default for c in schema.TABLES["areas"].columns}
    areas = pd.DataFrame({name: places.areas.get(name, blank) for name, blank in fill.items()})
    frames = {"areas": areas.reset_index(drop=True), "indicators": indicators}
    sheets = {name: Sheet(name, name, one.astype("str"), one) for name, one in frames.items()}
    sheets["observations"] = observed
    found = check_rows(sheets, pd.Timestamp.now(), gaps=False)
    problems += [problem for problem in found if problem.file == observed.file]
    gaps = check_periods(observed, sheets["areas"]) if ask else []
    return Taken(observed, indicators, problems, [gap for gap in gaps if gap not in problems])


def _one_year_end(cells: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Years that roll on by quarters or months, cut down to those that end as the latest does."""
    start = pd.to_datetime(cells["period_start"], format="%Y-%m-%d", errors="coerce")
    end = pd.to_datetime(cells["period_end"], format="%Y-%m-%d", errors="coerce")
    months = months_to(start, end)
    last = end.groupby(cells["indicator_name"]).transform("max").dt.month
    between = (months == 12) & (end.dt.month != last)
    if between.any():
        account.notes.append(
            f"left out {between.sum():,} rows of rolling years that overlap those ending with the "
            "latest"
        )
    return cells[~between]


def _added_up(table: OwnTable) -> pd.DataFrame:
    """One row for each area, period and group of a table with several, their counts added up."""
    cells = table.cells
    counts = [name for name in ("numerator", "denominator") if name in cells]
    key = ["area_code", "period_start", "period_end", "indicator_name"]
    key += [name for name in ("sex", "age", "group") if name in cells]
    numbers = cells[counts].apply(pd.to_numeric, errors="coerce")
    grouped = cells.assign(**numbers).groupby(key, sort=False)
    made = grouped.first().assign(**grouped[counts].sum(min_count=1).apply(written))
    table.account.notes.append(f"{len(cells):,} rows added up to {len(made):,}")
    return made.reset_index()[list(cells)]


def _over_all_answers(cells: pd.DataFrame, table: OwnTable) -> pd.DataFrame:
    """Each answer of a question as an indicator, over all of an area's answers that apply."""
    applies = cells["indicator_name"].str.casefold() != "does not apply"
    if not applies.all():
        table.account.notes.append(f"left out {(~applies).sum():,} rows that do not apply")
    kept = cells[applies]
    key = ["area_code", "period_start", *(n for n in ("sex", "age", "group") if n in kept)]
    numbers = pd.to_numeric(kept["numerator"], errors="coerce")
    total = numbers.groupby([kept[name] for name in key]).transform("sum")
    question = table.names["indicator_name"].rpartition(" (")[0]
    return kept.assign(
        indicator_name=question + ": " + kept["indicator_name"],
        denominator=total.map("{:.10g}".format),
        indicator_id="",
    )


def _with_indicators(
    cells: pd.DataFrame,
    table: OwnTable,
    known: pd.DataFrame,
    name: str,
    indicator_id: str,
    given: Mapping[str, Any],
    ask: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells with the id of each row's own indicator, and the study's indicators with the new."""
    ids = dict(zip(known["name"].map(fold_name), known["indicator_id"], strict=True))
    ids |= {fold_name(one): one for one in known["indicator_id"]}
    named = cells["indicator_name"]
    if indicator_id and named.nunique() < 2:
        named = pd.Series(str(given.get("name") or indicator_id), index=cells.index, dtype="str")
        ids[fold_name(named.iloc[0])] = indicator_id
    named = named.mask(named == "", indicator_id or name)
    own_ids = dict(zip(named, cells["indicator_id"], strict=True))
    new, parts = [], []
    listed = dict(zip(known["indicator_id"], known.to_dict("records"), strict=True))
    for one, rows in cells.groupby(named, sort=False):
        if number_in(str(one)) and (named != one).any():
            raise SourceError(
                f'{table.account.place} has an indicator that is called "{one}": the cells of a '
                "row stand in the wrong columns. Correct it, or download the file again."
            )
        plain = slug(one, fallback="indicator").replace("-", "_")
        made = ids.get(fold_name(one)) or own_ids[one] or indicator_id or plain
        ids[fold_name(one)] = made
        if made not in listed:
            place, percent = table.account.place, table.percent
            about = facts_of(rows, str(one), place, given, percent=percent, ask=ask)
            listed[made] = {"indicator_id": made} | about
            new.append(listed[made])
        part = _without_worked_out(rows, listed[made]).assign(indicator_id=made)
        parts.append(part[part.columns.intersection(schema.TABLES["observations"].names)])
    cells = pd.concat(parts).sort_index().fillna("")
    return cells, pd.concat([known, pd.DataFrame(new)], ignore_index=True) if new else known


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
    heading, units = (rows[c].iloc[0] if c in rows else "" for c in ("heading", "unit"))
    told = unit_in(units) or unit_in(heading) or unit_in(name)
    unit = given.get("unit", "")
    if percent and unit not in ("", "percent"):
        raise SourceError(
            f'The values of "{name}" have percent signs, and the unit given is {unit}. '
            "Give percent as the unit, or take the signs away."
        )
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
    values = numbers["value"].dropna()
    if not unit and counts and len(values) and (values == values.round()).all():
        unit = "count"
    if not unit and counts and valued and not FRACTIONS.search(words):
        cells = rows.loc[rows["value"] != "", "value"]
        if len(cells) > 1 and cells.map(DOTTED.fullmatch).notna().all():
            raise SourceError(
                f'All numbers of "{name}" have three decimals, such as "{cells.iloc[0]}" in '
                f"{place}, and by its name people or things are counted. If the dot parts "
                "thousands, save the table without it; if they are shares or means, add it with "
                "its unit: -p unit=percent."
            )
    unknown = not unit and not {"unit", "value_type", "kind"} & given.keys()
    unit = unit or "score"
    usual = "dsr" if STANDARDISED.search(f"{name} {units}") else TYPE_OF_UNIT[unit]
    kind = KIND_OF_VALUE_TYPE[usual]
    if usual == "count":
        kind = "stock" if STOCK.search(f"{name} {heading} {units}") else "events"
    elif MODELLED.search(name) or (not counted and usual in ("proportion", "rate")) or unknown:
        kind = "published"
    if "value_type" in given:
        kind = KIND_OF_VALUE_TYPE.get(str(given["value_type"]), kind)
    return {
        "name": readable(name),
        "unit": unit,
        "value_type": usual,
        "kind": kind,
        "multiplier": schema.UNIT_MULTIPLIER.get(unit, 1.0),
        "polarity": "none",
        **given,
    }


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


def _unit_of_parts(numerator: pd.Series, denominator: pd.Series, value: pd.Series) -> str:
    """The unit in which the values are the parts' ratio, or an empty string."""
    ratio = (value / (numerator / denominator.where(denominator > 0))).dropna()
    usual = ratio[(ratio > 0) & (ratio < float("inf"))].median()
    sizes = schema.UNIT_MULTIPLIER | {"mean": 1.0}
    return next((unit for unit, size in sizes.items() if abs(usual / size - 1) < 0.02), "")


def _expected(rows: pd.DataFrame) -> pd.Series:
    base = _numbers(rows, "denominator")
    return _numbers(rows, "numerator") / base.where(base > 0)


def _refuse_damage(rows: pd.DataFrame, table: OwnTable) -> None:
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


def _without_worked_out(rows: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
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


def _in_schema(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells in the columns of `observations` that they or a rule fill, defaults filled in."""
    made = {}
    for column in schema.TABLES["observations"].columns:
        if column.name not in cells and not column.required and not column.default:
            continue
        given = cells.get(column.name, pd.Series("", cells.index)).astype("str")
        made[column.name] = given.where(given != "", column.default or "")
    return pd.DataFrame(made, index=cells.index)
