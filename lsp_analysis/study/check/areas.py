"""Check areas: codes and their vintages, how areas nest and add up, who is compared with whom."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lsp_analysis.errors import did_you_mean
from lsp_analysis.study.check.problems import Problem, Sheet, look_up

# Types whose areas share out every small area between them.
PARTITIONS = ("msoa", "ward", "borough")
COMPARATORS = ("comparator", "comparison", "comparison area", "rest of borough")
PLACED = ("observations", "populations", "events", "interventions", "resources")
WEIGHT_TOLERANCE = 0.01
# Published counts are rounded, so parts may miss their borough by a little.
ADD_UP_TOLERANCE = 0.01


def check_areas(sheets: Mapping[str, Sheet]) -> list[Problem]:
    """Everything about areas that can be told from the tables."""
    if "areas" not in sheets:
        return []
    areas = sheets["areas"]
    problems = boroughs_exist(areas)
    for table in PLACED:
        if table in sheets:
            problems += unknown_codes(sheets[table], areas.typed)
    if "deprivation" in sheets:
        problems += codes_of_other_vintage(sheets["deprivation"], "area_code", areas.typed)
    if "area_members" in sheets:
        problems += check_members(sheets["area_members"], areas.typed)
        problems += treated_comparators(sheets, areas.typed)
    if "code_lookup" in sheets:
        problems += lookup_weights(sheets["code_lookup"])
    for table, counts in (
        ("observations", ("numerator", "denominator")),
        ("populations", ("population",)),
    ):
        if table in sheets:
            for column in counts:
                problems += adds_up_to_borough(sheets[table], column, areas.typed)
    return problems


def unknown_codes(sheet: Sheet, areas: pd.DataFrame) -> list[Problem]:
    """Codes that are no area, or of a vintage other than the rest of the indicator's codes."""
    codes = sheet.typed["area_code"]
    known = areas["area_code"].dropna().unique()
    problems = _lost_codes(sheet, ~codes.isin(known) & codes.notna(), "area_code", known)
    groups = sheet.typed.groupby("indicator_id") if sheet.table == "observations" else None
    for _, rows in groups or [("", sheet.typed)]:
        problems += _outside_vintage(sheet, rows["area_code"], areas)
    return problems


def _outside_vintage(sheet: Sheet, codes: pd.Series, areas: pd.DataFrame) -> list[Problem]:
    """Codes that live in other vintages than the one that fits most codes of their type."""
    problems = []
    present = areas[areas["area_code"].isin(codes.unique())]
    for kind, rows in present.groupby("area_type"):
        counts = rows.groupby("code_vintage")["area_code"].nunique()
        if len(counts) < 2:
            continue
        main = counts[counts == counts.max()].index.max()
        current = set(rows.loc[rows["code_vintage"] == main, "area_code"])
        elsewhere = rows[~rows["area_code"].isin(current)]
        vintages = elsewhere.groupby("area_code")["code_vintage"].min()
        for code, vintage in vintages.items():
            at = codes.index[codes == code]
            problem = (
                f"The code is of the {kind} list of {vintage:.0f}, the others of {main:.0f}; "
                f"{len(at)} rows would be lost in a join."
            )
            remedy = f"Translate it to {main:.0f} with code_lookup."
            problems.append(Problem(sheet.file, int(at[0]), "area_code", code, problem, remedy))
    return problems


def codes_of_other_vintage(sheet: Sheet, column: str, areas: pd.DataFrame) -> list[Problem]:
    """Codes that are no area, or not in the vintage their row claims."""
    codes = sheet.typed[column]
    known = areas["area_code"].dropna().unique()
    unknown = ~codes.isin(known) & codes.notna()
    claimed = pd.MultiIndex.from_arrays([codes, sheet.typed["code_vintage"]])
    real = pd.MultiIndex.from_frame(areas[["area_code", "code_vintage"]])
    misplaced = pd.Series(~claimed.isin(real), index=codes.index) & ~unknown & codes.notna()
    vintages = sheet.typed["code_vintage"]

    def said(row: int) -> str:
        return f"The {column} {codes[row]} is no code of the list of {vintages[row]:.0f}."

    remedy = "Correct code_vintage, or translate the code with code_lookup."
    problems = sheet.flag(misplaced, "code_vintage", said, remedy)
    return _lost_codes(sheet, unknown, column, known) + problems


def _lost_codes(sheet: Sheet, unknown: pd.Series, column: str, known: object) -> list[Problem]:
    """One problem for each unknown code, at its first row, with the rows a join would lose."""
    codes = sheet.typed.loc[unknown, column]
    if codes.empty:
        return []
    counts = codes.value_counts()
    remedy = "Correct the code, add the area to areas, or translate it with code_lookup."
    return [
        Problem(
            sheet.file,
            int(row),
            column,
            code,
            f"The table areas has no such code; {counts[code]} rows would be lost in a join."
            f"{did_you_mean(code, known, n=1) if len(counts) <= 20 else ''}",
            remedy,
        )
        for row, code in codes.drop_duplicates().items()
    ]


def boroughs_exist(areas: Sheet) -> list[Problem]:
    """Areas whose borough is not in the table, when the study has boroughs at all."""
    boroughs = areas.typed.loc[areas.typed["area_type"] == "borough", "area_code"]
    if boroughs.empty:
        return []
    inside = areas.typed["borough_code"].fillna("")
    orphan = ~inside.isin([*boroughs, ""]) & (areas.typed["area_type"] != "borough")
    problem = "The area does not nest in a borough of the table areas."
    return areas.flag(orphan, "borough_code", problem, "Correct the code, or add the borough.")


def check_members(members: Sheet, areas: pd.DataFrame) -> list[Problem]:
    """Members that do not exist, lie in another borough, or do not add up to one."""
    # The vintage is the members': one ward is made of small areas of 2001 and of those of 2011.
    known = areas["area_code"].dropna().unique()
    codes = members.typed["area_code"]
    problems = _lost_codes(members, ~codes.isin(known) & codes.notna(), "area_code", known)
    problems += codes_of_other_vintage(members, "member_code", areas)
    return problems + _other_borough(members, areas) + _shares_of_small_areas(members, areas)


def _other_borough(members: Sheet, areas: pd.DataFrame) -> list[Problem]:
    known = areas.drop_duplicates("area_code").set_index("area_code")
    borough = known["borough_code"].fillna("")
    borough = borough.mask(known["area_type"] == "borough", known.index.to_series())
    outer = look_up(members.typed["area_code"], borough).fillna("")
    inner = look_up(members.typed["member_code"], borough).fillna("")
    apart = (outer != inner) & (outer != "") & (inner != "")

    def said(row: int) -> str:
        return f"The member lies in borough {inner[row]} and the whole in {outer[row]}: no nesting."

    return members.flag(apart, "member_code", said, "Correct the codes or the boroughs.")


def _shares_of_small_areas(members: Sheet, areas: pd.DataFrame) -> list[Problem]:
    """Small areas whose shares in the MSOAs, wards or boroughs do not add up to one."""
    kinds = areas.drop_duplicates("area_code").set_index("area_code")["area_type"]
    kind = look_up(members.typed["area_code"], kinds)
    rows = members.typed.assign(kind=kind, row=members.typed.index)
    rows = rows[rows["kind"].isin(PARTITIONS)]
    keys = ["kind", "code_vintage", "member_code"]
    total = rows.groupby(keys).agg(weight=("weight", "sum"), row=("row", "min")).reset_index()
    wrong = total[(total["weight"] - 1).abs() > WEIGHT_TOLERANCE]
    return [
        Problem(
            members.file,
            int(part.row),
            "weight",
            str(members.text["weight"].get(part.row, "")) if "weight" in members.text else "",
            f"The {part.kind}s' shares of {part.member_code} add up to {part.weight:.3g}, not 1.",
            "Correct the weights, or remove the row that repeats it.",
        )
        for part in wrong.itertuples()
    ]


def treated_comparators(sheets: Mapping[str, Sheet], areas: pd.DataFrame) -> list[Problem]:
    """Treated areas listed as members of a comparator."""
    members = sheets["area_members"]
    comparators = areas.loc[areas["area_type"].str.casefold().isin(COMPARATORS), "area_code"]
    treated = set(areas.loc[areas["is_pilot"], "area_code"])
    if "interventions" in sheets:
        treated |= set(sheets["interventions"].typed["area_code"].dropna())
    boroughs = set(areas.loc[areas["area_type"] == "borough", "area_code"])
    treated -= boroughs
    parts = members.typed.loc[members.typed["area_code"].isin(treated), "member_code"]
    wrong = members.typed["area_code"].isin(comparators) & members.typed["member_code"].isin(
        treated | set(parts)
    )
    problem = "A treated area is among its own comparators."
    return members.flag(wrong, "member_code", problem, "Take it out of the comparator.")


def lookup_weights(lookup: Sheet) -> list[Problem]:
    """Older codes whose shares in the newer codes do not add up to one."""
    by = ["from_code", "from_vintage", "to_vintage"]
    total = lookup.typed.groupby(by, dropna=False)["weight"].transform("sum")
    wrong = (total - 1).abs() > WEIGHT_TOLERANCE
    first = wrong & ~lookup.typed.duplicated(by)

    def said(row: int) -> str:
        return f"The weights of this code add up to {total[row]:.3g}, not 1."

    return lookup.flag(first, "weight", said, "Give the share of the older area in each newer one.")


def adds_up_to_borough(sheet: Sheet, column: str, areas: pd.DataFrame) -> list[Problem]:
    """Borough counts that their small areas do not add up to, where all of them are there."""
    kinds = areas.drop_duplicates("area_code").set_index("area_code")
    rows = sheet.typed.assign(
        kind=look_up(sheet.typed["area_code"], kinds["area_type"]),
        borough=look_up(sheet.typed["area_code"], kinds["borough_code"]),
    )
    keys = [
        name
        for name in rows
        if name in ("indicator_id", "period_start", "period_end", "period")
        or name in ("sex", "age", "group", "age_band")
    ]
    whole = rows[(rows["kind"] == "borough") & rows[column].notna()]
    problems = []
    for kind in ("oa", "lsoa", "msoa", "ward"):
        parts = rows[(rows["kind"] == kind) & rows["borough"].isin(whole["area_code"])]
        if parts.empty:
            continue
        summed = parts.groupby(["borough", *keys])[column].agg(["sum", "count"])
        every = areas[areas["area_type"] == kind]
        listed = every.groupby(["borough_code", "code_vintage"])["area_code"].nunique()
        expected = listed.groupby("borough_code").min()
        problems += _not_added_up(sheet, whole, summed, expected, column, kind, keys)
    return problems


def _not_added_up(
    sheet: Sheet,
    whole: pd.DataFrame,
    summed: pd.DataFrame,
    expected: pd.Series,
    column: str,
    kind: str,
    keys: list[str],
) -> list[Problem]:
    at = pd.MultiIndex.from_frame(whole[["area_code", *keys]])
    found = summed.reindex(at).set_axis(whole.index)
    complete = found["count"] >= look_up(whole["area_code"], expected)
    # Counts rounded to 5 may each be off by half of that.
    rounded = 2.5 * found["count"].where(found["sum"] % 5 == 0, 0)
    allowed = (ADD_UP_TOLERANCE * whole[column].abs().clip(lower=1)).clip(lower=rounded)
    off = (found["sum"] - whole[column]).abs() > allowed
    wrong = (complete & off).reindex(sheet.typed.index, fill_value=False)

    def said(row: int) -> str:
        return f"The borough's {kind}s add up to {found.loc[row, 'sum']:,.10g} here."

    remedy = "Correct the borough's number, or those of its areas."
    return sheet.flag(wrong, column, said, remedy)
