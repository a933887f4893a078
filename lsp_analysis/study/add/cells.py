"""The cells of a table that was read: numbers, marks, people and units, in a study's own words."""

import re

import pandas as pd

from lsp_analysis.study.add.columns import Plan
from lsp_analysis.study.add.headings import NUMBERS, each, number_in
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
KEY = ["indicator_name", "area_code", "period_start", "period_end"]
MOST_GROUPS = 400


def plain_cells(plan: Plan, frame: pd.DataFrame, account: Account) -> OwnTable:
    """The rows with plain numbers and `all` for everybody, and the account completed.

    Rows that give a number again beside another text, as of two geographies, are kept once. Rows
    that repeat another in every cell stay, for the check to find: somebody pasted them twice.
    """
    made = frame.assign(note=frame.get("note", ""), unit=frame["unit"].str.strip())
    numbers = [name for name in NUMBERS if name in made]
    percents = {name: _plain_numbers(made, name) for name in numbers}
    ends = (percents.get("lower95"), percents.get("upper95"))
    percent = bool(percents.get("value")) and False not in ends
    people = [name for name in PEOPLE if name in made]
    for name in people:
        made[name] = each(made[name], _everybody)
    if "sex" in made:
        made["sex"] = each(made["sex"].str.casefold(), lambda sex: SEXES.get(sex, sex))
    made = _with_names(made)
    added_up = plan.layout is not None and plan.layout.add_up
    made = _one_group_only(made if added_up else _with_groups(made, plan.notes), plan.notes)
    key = [*KEY, "unit", *(name for name in (*PEOPLE, *NUMBERS) if name in made)]
    again = made.duplicated(key) & ~made.duplicated([*key, "raw"])
    if again.any() and not added_up:
        plan.notes.append(f"{again.sum()} rows give the numbers of others again")
        made = made[~again]
    several = len(plan.measures) > 1
    if not several and made["row"].is_unique:
        made.index = pd.Index(made["row"])
    places = made[["row", "heading"]] if several else made[["row"]].assign(heading="")
    at = {"area_code": plan.codes[0]} | ({"period": plan.dates[0]} if plan.dates else {})
    at |= {role: at for role, at in plan.roles.items() if role in made}
    if not several:
        at |= {role: columns[0] for role, columns in plan.measures[0].columns.items()}
    names = {role: plan.name(column) for role, column in at.items()}
    account.columns = ", ".join(f'{ours} "{theirs}"' for ours, theirs in names.items())
    if several:
        account.columns += f", {len(plan.measures)} columns of numbers"
    account.rows = len(made)
    kept = [name for name in made if not name.startswith("text:") and name not in ("row", "raw")]
    return OwnTable(made[kept], account, places, names, percent, plan.layout)


def _plain_numbers(frame: pd.DataFrame, name: str) -> bool | None:
    """Put plain numbers in one column and marks in the notes; whether all had percent signs.

    None where the column has no number at all.
    """
    cells = frame[name]
    texts = [text for text in cells.unique() if text]
    read = {text: found for text in texts if (found := number_in(text))}
    marks = {text: MARKS[text.casefold()] for text in texts if text.casefold() in MARKS}
    marks.pop("#N/A", None)
    behind = {text: mark.strip("[]()").casefold() for text, (_, _, mark) in read.items()}
    meanings = marks | {
        text: MARKS_BEHIND[one] for text, one in behind.items() if one in MARKS_BEHIND
    }
    said = each(cells, lambda text: meanings.get(text, ""))
    frame["note"] = frame["note"].mask((frame["note"] == "") & (said != ""), said)
    plain = {text: number for text, (number, _, _) in read.items()} | dict.fromkeys(marks, "")
    percents = [text for text, (_, percent, _) in read.items() if percent]
    if len(percents) < len(read):  # a sign here and there says nothing
        plain |= dict(zip(percents, percents, strict=True))
    frame[name] = each(cells, lambda text: plain.get(text, text))
    return len(percents) == len(read) if read else None


def _everybody(text: str) -> str:
    return ALL if ALL_WORDS.match(text.casefold()) else text


def _with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """A name of the indicator in every row, empty where the table gives none."""
    given = frame.get("indicator_name", frame.get("indicator_id", pd.Series("", frame.index)))
    name = given.str.cat(frame["measure"], sep=": ").str.strip(": ")
    several = frame.groupby(name)["unit"].transform("nunique") > 1
    several &= frame["unit"] != ""
    name = name.mask(several, (name + " (" + frame["unit"] + ")").str.removeprefix(" "))
    made = frame.assign(indicator_name=name)
    if "indicator_id" not in made or name.groupby(made["indicator_id"]).nunique().max() > 1:
        made["indicator_id"] = ""
    return made


def _with_groups(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Columns of text that alone tell rows apart become the group; others are passed over."""
    key = [*KEY, *(name for name in PEOPLE if name in frame)]
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
            notes.append(f'groups of "{column.removeprefix("text:")}"')
    return made


def _one_group_only(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
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
            notes.append(f"of {name} {', '.join(values[:3])} only")
        if sexes.any():
            said = made["indicator_name"] + " (" + made[name] + ")"
            made["indicator_name"] = made["indicator_name"].mask(sexes, said.str.strip())
            made["indicator_id"] = made["indicator_id"].mask(sexes, "")
        lacking = ~has_all & ~alone & ~sexes
        if lacking.any():
            notes.append(f"no rows for all: pages show none of its groups by {name}")
        made[name] = made[name].mask(alone | sexes, ALL)
    return made
