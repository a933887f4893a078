"""A protected copy of a study: what an audience may see of it, and nothing else.

It is a study folder like any other, so pages, notebooks and tables made from it never meet a
withheld count. It lies beside the pages as the record of what was shown, and the next release into
the same folder keeps to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.disclosure.counts import Groups, ShownCounts, show_counts
from lsp_analysis.disclosure.profiles import OPEN, SUPPRESSED, Profile
from lsp_analysis.disclosure.register import PLAIN, profiles_of, tables_to_show
from lsp_analysis.errors import DisclosureError, PanelError, StudyError
from lsp_analysis.study.schema import DESCRIPTOR
from lsp_analysis.study.store import Study, open_study
from lsp_analysis.study.write import write_study

FOLDER = "_release"  # in the folder of the pages; no report can have this name
RECORD = "release.json"
EFFECTS = "effects.json"
OBSERVED = ["indicator_id", "area_code", "period_start", "period_end", "numerator", "denominator"]
OBSERVED += ["value", "note", "imputed"]
COUNTED = {"interventions": "people_reached", "populations": "population"}


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
        protected, or `out` holds pages for another audience.
    """
    target = out / FOLDER
    refuse_other_pages(out, audience)
    profiles = profiles_of(study)
    smallest = tables_to_show(study, audience)
    earlier = _earlier_rows(target)
    groups = groups_of(study)
    observed, told = [], {}
    for indicator_id, profile in profiles.items():
        rule = _at_least(profile, smallest["observations"])
        rows, told[indicator_id] = _observed(study, indicator_id, rule, groups, earlier)
        observed.append(rows)
    carried = [name for name in (*PLAIN, *smallest) if name != "sharing" and study.has(name)]
    tables = {name: study.read(name) for name in carried}
    tables["observations"] = pd.concat(observed, ignore_index=True)
    for name, column in COUNTED.items():
        if name in tables and smallest[name] > 1:
            small = Profile("", smallest[name] - 1).is_small(tables[name][column])
            tables[name][column] = tables[name][column].mask(small)
    record = {"audience": audience, "indicators": told}
    extra = {RECORD: _json(record), EFFECTS: _json(effects(study))}
    about = study.descriptor
    path = write_study(
        target,
        tables,
        study.geometry() if study.has("geometry") else None,
        about={
            "name": study.name,
            "title": study.title,
            "licenses": about.get("licenses"),
            "sources": about.get("sources"),
            "lsp:simulated": study.simulated,
            "lsp:attribution": about.get("lsp:attribution"),
            "lsp:code_vintage": study.code_vintage,
            "lsp:small_area_type": study.small_area_type,
        },
        extra_files=extra,
    )
    _mark(path, audience, extra)
    return path


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
    try:
        record = json.loads((out / FOLDER / RECORD).read_text(encoding="utf-8"))
        return str(record["audience"])
    except (OSError, ValueError, KeyError, TypeError):
        released = (out / FOLDER).exists()
    if released:
        raise DisclosureError(
            f"{out / FOLDER} is damaged, so it is not known what was shown. Restore it from a copy."
        )
    return "internal" if (out / "manifest.jsonl").exists() else ""


def groups_of(study: Study) -> Groups:
    """Codes of every area of the study that is made of two small areas or more, with theirs."""
    small = set(study.small_areas()["area_code"])
    areas = study.areas()
    areas = areas[areas["code_vintage"] == study.code_vintage]
    made = {}
    for code in areas.loc[areas["area_type"] != study.small_area_type, "area_code"].unique():
        members = tuple(m for m in study.area(code).members if m in small)
        if len(members) > 1:
            made[str(code)] = members
    for borough, rows in study.small_areas().groupby("borough_code"):
        made.setdefault(str(borough), tuple(rows["area_code"]))
    return made


def _at_least(profile: Profile, min_cell: int) -> Profile:
    """The rule with no smaller a cell than the agreement asks for; what is open stays open."""
    if profile == OPEN or profile.hidden_to >= min_cell - 1:
        return profile
    return Profile(profile.name, min_cell - 1, profile.base)


def _observed(
    study: Study, indicator_id: str, profile: Profile, groups: Groups, earlier: pd.DataFrame
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
    before = earlier[earlier["indicator_id"] == indicator_id]
    indicator = study.indicator(indicator_id)
    try:
        shown = show_counts(panel, groups, indicator, profile, earlier=before)
    except DisclosureError as error:
        raise DisclosureError(f"{indicator.name}: {error}") from error
    return _rows(shown, indicator_id), told | _told(shown, groups)


def _rows(shown: ShownCounts, indicator_id: str) -> pd.DataFrame:
    period = pd.PeriodIndex(shown.rows["period"])
    dates = {"period_start": period.start_time, "period_end": period.end_time.normalize()}
    rows = shown.rows.assign(indicator_id=indicator_id, **dates)[OBSERVED]
    return rows.assign(note=rows["note"].replace("", None))


def _told(shown: ShownCounts, groups: Groups) -> dict[str, Any]:
    areas = ~shown.rows["area_code"].isin(list(groups))
    hidden = shown.rows["note"] == SUPPRESSED
    return {
        "by_year": shown.by_year,
        "method": shown.pattern.method,
        "counts": int((shown.rows["numerator"].notna() | hidden)[areas].sum()),
        "withheld": int(hidden[areas].sum()),
        "totals_withheld": int(hidden[~areas].sum()),
        "beyond": shown.pattern.beyond,
    }


def _earlier_rows(target: Path) -> pd.DataFrame:
    """What an earlier release into the same folder shows and withholds."""
    if not (target / DESCRIPTOR).exists():
        return pd.DataFrame(columns=OBSERVED)
    return open_study(target).read("observations")


def _mark(path: Path, audience: str, extra: dict[str, str]) -> None:
    """Say in the descriptor that this is a release, and what its other files hold."""
    from hashlib import sha256

    file = path / DESCRIPTOR
    descriptor = json.loads(file.read_text(encoding="utf-8"))
    digests = {name: sha256(text.encode()).hexdigest() for name, text in extra.items()}
    descriptor["lsp:release"] = {"audience": audience, "files": digests}
    file.write_text(json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _json(content: Any) -> str:
    def plain(value: Any) -> Any:
        return value.item() if isinstance(value, np.generic) else str(value)

    return json.dumps(content, indent=1, ensure_ascii=False, default=plain) + "\n"


def released(study: Study) -> dict[str, Any]:
    """What a protected copy records of itself; empty for a study with its full counts."""
    if "lsp:release" not in study.descriptor:
        return {}
    try:
        return json.loads((study.path / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{study.path / RECORD} cannot be read ({error}).") from error
