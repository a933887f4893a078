"""The cells of a table that was read: numbers, marks, people and units, in a study's own words."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from lsp_analysis.study.add import headings
from lsp_analysis.study.add.columns import Plan
from lsp_analysis.study.add.headings import NUMBERS
from lsp_analysis.study.add.layouts import Account, OwnTable
from lsp_analysis.study.schema import ALL, MISSING_MARKS

ALL_WORDS = re.compile(
    r"(?:all|total|any|both|t|persons?|people|both sexes|all (?:ages?|persons?|people|sexes|usual "
    r"residents|categories\b.*)|(?:males?|men) and (?:females?|women)|total\b.*|not applicable)?$"
)
SEXES = {"m": "male", "males": "male", "men": "male", "boys": "male", "man": "male"}
SEXES |= {"f": "female", "females": "female", "women": "female", "girls": "female"}
MARKS = {mark.casefold(): meaning for mark, meaning in MISSING_MARKS.items()}
MARKS_BEHIND = {"r": "revised", "e": "estimated"}
PEOPLE = ("sex", "age", "group")
MOST_GROUPS = 400


def each(cells: pd.Series, told: Callable[[str], Any]) -> pd.Series:
    """What `told` says of each cell, asked once of each distinct text; no cell is missing."""
    at, met = pd.factorize(cells)
    return pd.Series(pd.Index([told(text) for text in met]).take(at), index=cells.index)


def numbers_in(cells: pd.Series) -> pd.Series:
    """The numbers in cells of text, without thousands separators; missing where there is none."""
    plain = each(cells, lambda text: (headings.number_in(text) or ("",))[0])
    return pd.to_numeric(plain, errors="coerce").astype("float64")


def plain_cells(plan: Plan, frame: pd.DataFrame, account: Account) -> OwnTable:
    """The rows with plain numbers and `all` for everybody, and the account completed."""
    made = frame.copy(deep=False)
    if "note" not in made:
        made["note"] = ""
    numbers = [name for name in NUMBERS if name in made]
    percents = {name: _plain_numbers(made, name) for name in numbers}
    valued = [name for name in ("value", "lower95", "upper95") if name in percents]
    percent = any(map(percents.get, valued)) and all(percents[n] is not False for n in valued)
    if percents.get("value") is None and any(percents.values()):
        percent = False
    for name in PEOPLE:
        if name in made:
            made[name] = each(made[name], _everybody)
    if "sex" in made:
        made["sex"] = each(made["sex"].str.casefold(), lambda sex: SEXES.get(sex, sex))
    made = _with_names(made)
    added_up = plan.layout is not None and plan.layout.add_up
    made = made if added_up else _with_groups(made, account)
    made = _one_group_only(made, account)
    made = made if added_up else _said_once(made, account)
    made["unit"] = made["unit"].str.strip()
    several = len(plan.measures) > 1
    if not several and made["row"].is_unique:
        made.index = pd.Index(made["row"])
    places = made[["row", "heading"]] if several else made[["row"]].assign(heading="")
    names = {"area_code": plan.name(plan.codes[0])}
    if plan.dates:
        names["period"] = plan.name(plan.dates[0])
    names |= {role: plan.name(at) for role, at in plan.roles.items() if role in made}
    if not several:
        own = plan.measures[0].columns
        names |= {role: plan.name(at[0]) for role, at in own.items()}
    account.columns = ", ".join(f'{ours} "{theirs}"' for ours, theirs in names.items())
    if several:
        account.columns += f", {len(plan.measures)} columns of numbers"
    account.rows = len(made)
    kept = [name for name in made if not name.startswith("text:") and name not in ("row", "raw")]
    return OwnTable(made[kept], account, places, names, bool(percent), plan.layout)


def _plain_numbers(frame: pd.DataFrame, name: str) -> bool | None:
    """Put plain numbers in one column and marks in the notes; whether all had percent signs.

    None where the column has no number at all.
    """
    cells = frame[name]
    read = {text: headings.number_in(text) for text in cells.unique()}
    marks = {
        text: MARKS[text.casefold()]
        for text in read
        if text and text.casefold() in MARKS and text != "#N/A"
    }
    behind = {
        text: MARKS_BEHIND[found[2].strip("[]()").casefold()]
        for text, found in read.items()
        if found and found[2].strip("[]()").casefold() in MARKS_BEHIND
    }
    meanings = {**marks, **behind}
    said = each(cells, lambda text: meanings.get(text, ""))
    frame["note"] = frame["note"].mask((frame["note"] == "") & (said != ""), said)
    plain = {text: found[0] for text, found in read.items() if found}
    plain |= dict.fromkeys(marks, "")
    percents = [found[1] for found in read.values() if found]
    if percents and any(percents) and not all(percents):  # a sign here and there says nothing
        plain |= {text: text for text, found in read.items() if found and found[1]}
    frame[name] = each(cells, lambda text: plain.get(text, text))
    return all(percents) if percents else None


def _everybody(text: str) -> str:
    return ALL if ALL_WORDS.match(text.casefold()) else text


def _with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """A name of the indicator in every row, empty where the table gives none."""
    made = frame.copy(deep=False)
    if "indicator_name" not in made:
        made["indicator_name"] = made.get("indicator_id", "")
    joined = made["indicator_name"].str.cat(made["measure"], sep=": ").str.strip(": ")
    made["indicator_name"] = joined
    units = made.groupby("indicator_name")["unit"].transform("nunique")
    several = (units > 1) & (made["unit"].str.strip() != "")
    made["indicator_name"] = joined.mask(
        several, joined + " (" + made["unit"].str.strip() + ")"
    ).str.removeprefix(" ")
    if (
        "indicator_id" not in made
        or made.groupby("indicator_id")["indicator_name"].nunique().max() > 1
    ):
        made["indicator_id"] = ""
    return made


def _with_groups(frame: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Columns of text that alone tell rows apart become the group; others are passed over."""
    key = ["indicator_name", "area_code", "period_start", "period_end"]
    key += [name for name in PEOPLE if name in frame]
    made = frame
    for column in [name for name in frame if name.startswith("text:")]:
        repeated = made.duplicated(key, keep=False)
        if not repeated.any():
            break
        texts = each(made[column], _everybody)
        alike = made[repeated].assign(own=texts).groupby(key)["own"].nunique()
        kinds = texts.nunique()
        if (alike > 1).any() and kinds <= min(MOST_GROUPS, len(made) // 3):
            before = made["group"] if "group" in made else pd.Series(ALL, index=made.index)
            joined = texts.where(
                before == ALL, before.str.cat(texts, sep="; ").str.removesuffix("; all")
            )
            made = made.assign(group=joined)
            key = list(dict.fromkeys([*key, "group"]))
            account.notes.append(f'groups of "{column.removeprefix("text:")}"')
    return made


def _said_once(frame: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Rows that give a number again beside another text, as of two geographies, once.

    Rows that repeat another in every cell stay, for the check to find: somebody pasted them twice.
    """
    key = ["indicator_name", "area_code", "period_start", "period_end", "unit"]
    key += [name for name in (*PEOPLE, *NUMBERS) if name in frame]
    again = frame.duplicated(key) & ~frame.duplicated([*key, "raw"])
    if again.any():
        account.notes.append(f"{again.sum()} rows give the numbers of others again")
    return frame[~again]


def _one_group_only(frame: pd.DataFrame, account: Account) -> pd.DataFrame:
    """One group alone is what its indicator is of; two sexes alone are two indicators.

    A page shows the rows for `all`: without any, nothing would be shown.
    """
    made = frame.copy(deep=False)
    for name in [name for name in PEOPLE if name in made]:
        by_indicator = made.groupby("indicator_name")[name]
        has_all = by_indicator.transform(lambda cells: cells.eq(ALL).any())
        kinds = by_indicator.transform("nunique")
        alone = ~has_all & (kinds == 1)
        sexes = ~has_all & (kinds == 2) & (name == "sex")
        if alone.any():
            values = sorted(made.loc[alone, name].unique())
            account.notes.append(f"of {name} {', '.join(values[:3])} only")
        if sexes.any():
            said = made["indicator_name"] + " (" + made[name] + ")"
            made["indicator_name"] = made["indicator_name"].mask(sexes, said.str.strip())
            made["indicator_id"] = made["indicator_id"].mask(sexes, "")
        lacking = ~has_all & ~alone & ~sexes
        if lacking.any():
            account.notes.append(f"no rows for all: pages show none of its groups by {name}")
        made[name] = made[name].mask(alone | sexes, ALL)
    return made
