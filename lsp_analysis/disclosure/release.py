"""A protected copy of a study: what an audience may see of it, and nothing else.

It is a study folder like any other, so pages, notebooks and tables made from it never meet a
withheld count. It lies beside the pages as the record of what was shown, and the next release into
the same folder, or into one beside it, keeps to it.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, untrusted, wording
from lsp_analysis.disclosure.counts import Groups, show_counts
from lsp_analysis.disclosure.profiles import (
    MARK,
    OPEN,
    PLAIN,
    SUPPRESSED,
    Profile,
    profiles_of,
    tables_to_show,
)
from lsp_analysis.errors import DisclosureError, LspError, PanelError, StudyError
from lsp_analysis.figures.tables import Table
from lsp_analysis.study.areas import Area
from lsp_analysis.study.indicator import period_kinds
from lsp_analysis.study.schema import DESCRIPTOR
from lsp_analysis.study.store import Study, open_study
from lsp_analysis.study.write import write_study

FOLDER = "_release"  # in the folder of the pages; no report can have this name
RECORD = "release.json"
EFFECTS = "effects.json"
OBSERVED = ["indicator_id", "area_code", "period_start", "period_end", "numerator", "denominator"]
OBSERVED += ["value", "note", "imputed"]
LEFT_OUT = "withheld"
POOLING = (
    "Months are joined to years where a month would be withheld. Where a year is withheld too, "
    "the smallest larger area whose total may be shown stands beside it. Years are not added up: "
    "counts of single years would follow from such totals."
)


def release_study(
    study: Study,
    out: Path,
    audience: str,
    *,
    effects: Callable[[Study], list[dict[str, Any]]] = lambda study: [],
) -> Path:
    """Write the protected copy of `study` that the pages in `out` are made from; returns its path.

    Parameters
    ----------
    study : the study with its full counts.
    out : folder of the pages.
    audience : ``partners`` or ``public``.
    effects : called with `study`; what may be published of effects that were estimated on the full
        counts.

    Raises
    ------
    DisclosureError
        A rule or an agreement is missing, unknown or has expired, a small count cannot be
        protected, `out` holds pages for another audience or of another study, or an earlier release
        in it or beside it followed another rule or had other areas.
    """
    target = out / FOLDER
    refuse_other_pages(out, audience)
    profiles = profiles_of(study)
    smallest = tables_to_show(study, audience)
    groups = groups_of(study)
    earlier = _earlier_releases(study, out, groups)
    observed, told = [], {}
    for indicator_id, profile in profiles.items():
        least = 0 if profile == OPEN else smallest["observations"] - 1  # what is open stays open
        rule = replace(profile, hidden_to=max(profile.hidden_to, least))
        rows, told[indicator_id] = _observed(study, indicator_id, rule, groups, earlier)
        observed.append(rows)
    carried = [name for name in (*PLAIN, *smallest) if name != "sharing" and study.has(name)]
    tables = {name: study.read(name) for name in carried}
    tables["observations"] = pd.concat(observed, ignore_index=True)
    bases = tables["indicators"]["indicator_id"].map(lambda name: told[name]["base"])
    rounded = " Counts are rounded to the nearest " + bases.astype(str) + "."
    defined = tables["indicators"]["definition"].fillna("") + rounded.where(bases > 1, "")
    tables["indicators"]["definition"] = defined.str.strip()
    if "interventions" in tables:
        reached = tables["interventions"]["people_reached"]
        few = Profile("", smallest["interventions"] - 1).is_small(reached)
        tables["interventions"]["people_reached"] = reached.mask(few)
    if "populations" in tables:
        tables["populations"] = _residents(tables["populations"], smallest["populations"])
    record = {"audience": audience, "indicators": told}
    findings = [_finding(one, study, tables["observations"], told) for one in effects(study)]
    extra = {
        name: json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n"
        for name, content in ((RECORD, record), (EFFECTS, findings))
    }
    digests = {name: sha256(text.encode()).hexdigest() for name, text in extra.items()}
    kept = ("licenses", "sources", "lsp:attribution")
    return write_study(
        target,
        tables,
        study.geometry() if study.has("geometry") else None,
        about={
            **{name: study.descriptor.get(name) for name in kept},
            "name": study.name,
            "title": study.title,
            "lsp:simulated": study.simulated,
            "lsp:code_vintage": study.code_vintage,
            "lsp:small_area_type": study.small_area_type,
            "lsp:release": {"audience": audience, "files": digests},
        },
        extra_files=extra,
    )


def refuse_other_pages(out: Path, audience: str) -> None:
    """Stop before pages for one audience are put among pages for another."""
    held = audience_of(out)
    if held not in ("", audience):
        raise DisclosureError(
            f"{out} holds pages for the audience {held}, and these are for the audience "
            f"{audience}. Choose another folder (--out)."
        )


def audience_of(out: Path) -> str:
    """The audience that the pages in `out` are for; empty when there are none."""
    if not (out / FOLDER).exists():
        return "internal" if (out / "manifest.jsonl").exists() else ""
    try:
        return str(on_record(open_study(out / FOLDER))["audience"])
    except LspError as error:
        raise DisclosureError(
            f"{out / FOLDER} is damaged, so it is not known what was shown. {error}"
        ) from error


def groups_of(study: Study) -> Groups:
    """Codes of every area of the study that is made of two small areas or more, with theirs."""
    small = set(study.small_areas()["area_code"])
    areas = study.areas()
    areas = areas[areas["code_vintage"] == study.code_vintage]
    larger = areas.loc[areas["area_type"] != study.small_area_type, "area_code"].unique()
    made = {str(c): tuple(m for m in study.area(c).members if m in small) for c in larger}
    made = {code: members for code, members in made.items() if len(members) > 1}
    for borough, rows in study.small_areas().groupby("borough_code"):
        made.setdefault(str(borough), tuple(rows["area_code"]))
    return made


def _observed(
    study: Study, indicator_id: str, profile: Profile, groups: Groups, earlier: list[Study]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of the table observations of one indicator as they may be shown, and what was done."""
    told: dict[str, Any] = {"profile": profile.name, "rule": profile.about}
    told |= {"hidden_to": profile.hidden_to, "base": profile.base}
    if profile == OPEN:
        return study.read("observations", where={"indicator_id": indicator_id}), told
    try:
        panel = study.panel(indicator_id)
    except PanelError:
        return pd.DataFrame(columns=OBSERVED), {**told, "left_out": True}
    before = _shown_before(indicator_id, profile, earlier)
    indicator = study.indicator(indicator_id)
    try:
        shown = show_counts(panel, groups, indicator, profile, earlier=before)
    except DisclosureError as error:
        raise DisclosureError(f"{indicator.name}: {error}") from error
    period = pd.PeriodIndex(shown.rows["period"])
    dates = {"period_start": period.start_time, "period_end": period.end_time.normalize()}
    rows = shown.rows.assign(indicator_id=indicator_id, **dates)[OBSERVED]
    rows["note"] = rows["note"].replace("", None)
    hidden = (rows["note"] == SUPPRESSED) & ~rows["area_code"].isin(list(groups))
    return rows, told | {"by_year": shown.by_year, "withheld": int(hidden.sum())}


def _residents(rows: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Residents; of areas in which any age band is too small, all ages together, if not too few."""
    rule, key = Profile("", min_cell - 1), ["area_code", "period"]
    small = pd.Series(rule.is_small(rows["population"]), rows.index)
    few = small.groupby([rows[name] for name in key]).transform("any")
    whole = rows[few].groupby(["sex", "age_band", *key], as_index=False)["population"].sum()
    parts = whole["sex"].ne("all").groupby([whole[name] for name in key]).transform("all")
    whole = whole[parts | (whole["sex"].eq("all") & whole["age_band"].eq("all"))]
    whole = whole.groupby(key, as_index=False)["population"].sum()
    whole = whole[~rule.is_small(whole["population"])].assign(sex="all", age_band="all")
    return pd.concat([rows[~few], whole[rows.columns]], ignore_index=True)


def _finding(
    effect: dict[str, Any], study: Study, shown: pd.DataFrame, told: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """An effect as it may be published, or what it is of when counts would follow from it.

    Whoever rebuilds what was expected has the total since the start. It is left out if that total
    is small, or fixes withheld counts of single periods more narrowly than the rule allows.
    """
    name, members = effect["indicator_id"], study.area(effect["area_code"]).members
    rule = Profile(told[name]["profile"], told[name]["hidden_to"], told[name]["base"])
    start = pd.Period(effect["start"]).start_time
    code = members[0] if len(members) == 1 else effect["area_code"]
    after = shown[(shown["indicator_id"] == name) & (shown["area_code"] == code)]
    after = after[after["period_end"] >= start]
    panel = study.panel(name)
    panel = panel[panel["area_code"].isin(members)]
    ends = panel["period"].dt.end_time
    hidden = after[after["note"] == SUPPRESSED]
    within = [
        panel.loc[(ends >= row.period_start) & (ends.dt.normalize() <= row.period_end), "numerator"]
        for row in hidden.itertuples()
    ]
    by_period = study.indicator(name).kind == "stock" and told[name].get("by_year")
    counts = [part.mean() * len(members) if by_period else part.sum() for part in within]
    total, others = sum(counts), len(counts) - 1
    most = min(rule.hidden_to, total - others) if rule.base > 1 else total - others
    least = max(1, total - others * rule.hidden_to) if rule.base > 1 else 1
    narrow = bool(counts) and most - least < rule.width
    if rule.is_small(panel.loc[ends >= start, "numerator"].sum()) or narrow:
        return {key: effect[key] for key in ("area_code", "start", "indicator_id", "level")} | {
            LEFT_OUT: True
        }
    return effect


def _earlier_releases(study: Study, out: Path, groups: Groups) -> list[Study]:
    """Releases of the same study, with the same areas, in `out` and in the folders beside it."""
    beside = sorted(out.absolute().parent.glob(f"*/{FOLDER}/{DESCRIPTOR}"))
    found = [open_study(file.parent) for file in beside]
    for one in found:
        if one.path.parent == out.absolute() and one.name != study.name:
            raise DisclosureError(
                f"{out} holds pages of another study, {one.name}. Choose another folder (--out)."
            )
    same = [one for one in found if one.name == study.name]
    for one in same:
        made = groups_of(one)
        moved = [code for code in made if set(made[code]) != set(groups.get(code, ()))]
        if moved:
            raise DisclosureError(
                f"{moved[0]} is made of other small areas in {one.path.parent}, and counts would "
                "follow from the difference. Withdraw and delete those pages first."
            )
    return same


def _shown_before(indicator_id: str, rule: Profile, earlier: list[Study]) -> pd.DataFrame:
    """What earlier releases show and withhold of an indicator, which must have the same rule."""
    rows = [pd.DataFrame(columns=OBSERVED)]
    for one in earlier:
        told = released(one)["indicators"].get(indicator_id)
        if told and (told["hidden_to"], told["base"]) != (rule.hidden_to, rule.base):
            raise DisclosureError(
                f'{one.path.parent} shows "{indicator_id}" by another rule ({told["rule"]}), and '
                "counts would follow from both together. Withdraw and delete those pages, or keep "
                "to their rule."
            )
        rows.append(one.read("observations", where={"indicator_id": indicator_id}))
    return pd.concat(rows)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def released(study: Study) -> dict[str, Any]:
    """What a protected copy records of itself; empty for a study with its full counts."""
    return on_record(study) if "lsp:release" in study.descriptor else {}


def on_record(study: Study, name: str = RECORD) -> Any:
    """What a protected copy keeps in its file `name`, as it was made; else StudyError."""
    try:
        digest = study.descriptor["lsp:release"]["files"][name]
        return untrusted.read_json(
            study.path / name, untrusted.schema(name.removesuffix(".json")), digest
        )
    except KeyError as error:
        raise StudyError(
            f"{study.path / DESCRIPTOR} has nothing on record of {name}. Restore it from a copy."
        ) from error
    except LspError as error:
        raise StudyError(f"{error} Restore it from a copy.") from error


def withheld_table(study: Study, area: Area) -> Table | None:
    """Latest values of an area that are withheld, and what can still be said of each.

    None for a study with its full counts, and where nothing of the area is withheld.

    Parameters
    ----------
    study : a protected copy, or any other study.
    area : the area that the page is about.
    """
    told = released(study).get("indicators", {})
    if not told:
        return None
    study = study.around(area)
    codes = [area.code] if len(area.members) > 1 else list(area.members)
    around = sorted(
        (len(members), code)
        for code, members in groups_of(study).items()
        if set(area.members) <= set(members) and code not in codes
    )
    withheld = [name for name, about in told.items() if about.get("withheld")]
    rows = {name: row for name in withheld if (row := _withheld(study, name, codes, around))}
    if not rows:
        return None
    rules = dict.fromkeys(told[name]["rule"] for name in rows)
    return figures.table(
        pd.DataFrame(rows.values()),
        caption=f"{area.name}: latest values that are withheld",
        note=f"{MARK} withheld: {'; '.join(rules)}; and counts from which those could be worked "
        f"out. {wording.counted(len(rows), 'value').capitalize()} of "
        f"{wording.counted(len(told), 'indicator')} {'is' if len(rows) == 1 else 'are'} withheld. "
        f"{POOLING}",
    )


def _withheld(
    study: Study, indicator_id: str, codes: list[str], around: list[tuple[int, str]]
) -> dict[str, Any] | None:
    """The latest value of one indicator, if it is withheld."""
    wanted = [*codes, *(code for _, code in around)]
    rows = study.read("observations", where={"indicator_id": indicator_id, "area_code": wanted})
    own = rows[rows["area_code"].isin(codes)]
    if own.empty:
        return None
    last = own[own["period_start"] == own["period_start"].max()].iloc[0]
    if last["note"] != SUPPRESSED:
        return None
    then = rows[rows["period_start"] == last["period_start"]].set_index("area_code")["value"]
    indicator = study.indicator(indicator_id)
    kind = period_kinds(own["period_start"].tail(1), own["period_end"].tail(1)).iloc[0]
    shown = next((code for _, code in around if pd.notna(then.get(code))), "")
    instead = wording.MISSING
    if shown:
        value = wording.quantity(then[shown], indicator.per)
        instead = f"{value} in {study.area(shown).name}"
    return {
        "Indicator": indicator.name,
        "Period": wording.period(pd.Period(last["period_start"], freq=kind)),
        "Here": MARK,
        "In a larger area": instead,
    }
