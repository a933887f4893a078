"""Shares of people and households from the censuses of 2011 and 2021, as Nomis gives them out.

One table per topic and one row per small area. Each share is a count over the table's own total, so
areas can be added up. Counts of 2021 are on the LSOAs of that year (`later`), and every small count
was changed a little by the Office for National Statistics, so tables do not agree to the person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsp_analysis.sources import choice, reading
from lsp_analysis.sources.formats import Format, Found, Publication
from lsp_analysis.sources.later import later_codes
from lsp_analysis.sources.register import Register

NOMIS = "Office for National Statistics, from Nomis"
LICENCE = "Open Government Licence v3.0"
EARLIER, LATER = 2011, 2021
PERCENT = 100.0


@dataclass(frozen=True)
class Share:
    """One indicator: which columns of which table are the part, and which is the whole."""

    kind: str
    indicator_id: str
    name: str
    definition: str
    polarity: str
    table: str
    year: int
    area_code: str  # headings, folded, as regular expressions
    whole: str
    parts: tuple[str, ...]

    @property
    def format(self) -> Format:
        """How the table is recognised."""
        required = {"area_code": self.area_code, "whole": self.whole}
        required |= {f"part_{place}": part for place, part in enumerate(self.parts)}
        title = f"Census {self.year}, {self.table}, by LSOA"
        return Format(self.kind, Publication(title, NOMIS), required)

    def indicator(self) -> dict[str, object]:
        """The indicator's row of the table `indicators`."""
        return {
            "indicator_id": self.indicator_id,
            "name": self.name,
            "definition": self.definition,
            "unit": "percent",
            "value_type": "proportion",
            "multiplier": PERCENT,
            "polarity": self.polarity,
            "source": f"Census {self.year}, {self.table} ({NOMIS})",
            "licence": LICENCE,
        }


def _of_2021(kind: str, topic: str, whole: str, parts: tuple[str, ...], **texts: str) -> Share:
    """A share from a bulk table of 2021, whose headings begin with its topic."""
    headings = [f"{topic}: {heading}" for heading in (f"total: {whole}", *parts)]
    return Share(
        kind, year=LATER, area_code="geography code", whole=headings[0], parts=tuple(headings[1:]),
        **texts,
    )  # fmt: skip


SHARES = (
    _of_2021(
        "census_health",
        "general health",
        "all usual residents",
        ("bad health", "very bad health"),
        indicator_id="bad_health",
        name="People in bad or very bad health",
        definition="Residents who said on Census Day (21 March 2021) that their health in general "
        "was bad or very bad, of all usual residents. Not adjusted for age.",
        polarity="low_is_good",
        table="table TS037",
    ),
    _of_2021(
        "census_disability",
        "disability",
        "all usual residents",
        ("disabled under the equality act",),
        indicator_id="disabled_people",
        name="Disabled people",
        definition="Residents with a lasting condition that limits their daily activities "
        "(disabled under the Equality Act) on Census Day (21 March 2021), of all usual residents. "
        "Not adjusted for age.",
        polarity="none",
        table="table TS038",
    ),
    _of_2021(
        "census_care",
        "provision of unpaid care",
        "all usual residents aged 5 and over",
        (
            "provides 19 hours or less unpaid care a week",
            "provides 20 to 49 hours unpaid care a week",
            "provides 50 or more hours unpaid care a week",
        ),
        indicator_id="unpaid_care",
        name="People who give unpaid care",
        definition="Residents aged 5 and over who said on Census Day (21 March 2021) that they "
        "look after somebody who is ill, disabled or old, unpaid, of all residents of that age.",
        polarity="none",
        table="table TS039",
    ),
    _of_2021(
        "census_disabled_households",
        "number of disabled people in household",
        "all households",
        (
            "1 person disabled under the equality act in household",
            "2 or more people disabled under the equality act in household",
        ),
        indicator_id="households_with_disabled_people",
        name="Households with a disabled person",
        definition="Households in which one person or more is disabled under the Equality Act, of "
        "all households on Census Day (21 March 2021).",
        polarity="none",
        table="table TS040",
    ),
    Share(
        "census_heating",
        "no_central_heating",
        "Households without central heating",
        "Household spaces with residents and without central heating, of all with residents, on "
        "Census Day (27 March 2011).",
        "low_is_good",
        "table QS415",
        EARLIER,
        "mnemonic",
        "all categories: type of central heating in household",
        ("no central heating",),
    ),
)
FORMATS = tuple(share.format for share in SHARES)


def import_census(
    founds: Mapping[str, Sequence[Found]],
    codes: Sequence[str],
    residents: pd.Series | None,
    register: Register,
) -> tuple[list[dict[str, object]], pd.DataFrame]:
    """Indicators, and their rows of the table `observations`, of the census tables in the folder.

    Parameters
    ----------
    founds : tables found, by kind.
    codes : the borough's small areas of 2011.
    residents : residents of these areas by code, to share out areas that merged by; or None.
    register : gets the tables used, and a note where codes of 2021 cannot be followed back.
    """
    indicators, parts = [], []
    unchanged = pd.DataFrame({"area_code": codes, "later_code": codes, "weight": 1.0})
    later = None
    if any(founds.get(share.kind) for share in SHARES if share.year == LATER):
        later = later_codes(founds.get("later_lookup", ()), codes, residents, register)
    for share in SHARES:
        links = unchanged if share.year == EARLIER or later is None else later
        may_lack = share.year == LATER and later is None
        counts = _read(founds.get(share.kind, ()), links, register, may_lack=may_lack)
        if counts is not None:
            _note_merged(links, register)
            indicators.append(share.indicator())
            parts.append(_observations(share, counts, links))
    return indicators, pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _read(
    founds: Sequence[Found], links: pd.DataFrame, register: Register, *, may_lack: bool
) -> pd.DataFrame | None:
    """Part and whole by code of the table's own year; None when no table has the borough.

    A table that lacks areas was cut, unless it `may_lack` those whose codes changed.
    """
    wanted = sorted(set(links["later_code"]))
    copies = []
    for found in choice.preferred(founds):
        text = reading.read(found, wanted)
        if text.empty:
            continue
        reading.refuse_repeats(text, ["area_code"], found)
        if may_lack and not set(wanted) <= set(text["area_code"]):
            register.note(
                f"{found.table.place} is on LSOAs of 2021, some of which are new, and no lookup of "
                "LSOA 2011 to LSOA 2021 was found in the folder: it is left out."
            )
            continue
        choice.refuse_gaps(text["area_code"], wanted, found)
        roles = [role for role in found.columns if role != "area_code"]
        numbers = {role: reading.numbers(text, role, found) for role in roles}
        whole = numbers.pop("whole")
        rows = {"area_code": text["area_code"], "part": sum(numbers.values()), "whole": whole}
        copies.append((found, pd.DataFrame(rows)))
    return choice.settle_copies(copies, "area_code", "part", register)[1] if copies else None


def _note_merged(links: pd.DataFrame, register: Register) -> None:
    """Say which figures are shares of a merged area's."""
    merged = links.loc[links["weight"] < 1, "area_code"]
    if len(merged):
        register.note(
            f"Of the LSOAs of 2011, {len(merged)} had merged by 2021: what the census of 2021 "
            'counted in them together is shared out by residents and carries the note "estimated".'
        )


def _observations(share: Share, counts: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Counts on the codes of 2011: parts of a split area added up, a merged area shared out."""
    joined = links.merge(counts, left_on="later_code", right_on="area_code", suffixes=("", "_then"))
    shared = joined[["part", "whole"]].mul(joined["weight"], axis=0)
    shared["estimated"] = joined["weight"] < 1
    rows = shared.groupby(joined["area_code"]).agg(
        {"part": "sum", "whole": "sum", "estimated": "any"}
    )
    part, whole = rows["part"].round(), rows["whole"].round()
    # Perturbed counts of a part can add up to a little more than the total beside them.
    part = np.minimum(part, whole)
    return pd.DataFrame(
        {
            "indicator_id": share.indicator_id,
            "area_code": rows.index,
            "period_start": f"{share.year}-01-01",
            "period_end": f"{share.year}-12-31",
            "numerator": part.to_numpy(),
            "denominator": whole.to_numpy(),
            "value": (PERCENT * part / whole.where(whole > 0)).to_numpy(),
            "note": np.where(rows["estimated"], "estimated", None),
        }
    )
