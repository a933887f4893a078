"""Small-number rules: which counts are withheld, how others are rounded, what may be deduced."""

import re
import warnings
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis.errors import DisclosureError, InternalNotice, did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.store import Study
from lsp_analysis.wording import and_list

MARK = "*"
SUPPRESSED = "suppressed"
UNKNOWN = "–"
_CUSTOM = re.compile(r"custom:(\d{1,3})(?:,(\d{1,3}))?")


@dataclass(frozen=True)
class Profile:
    """A small-number rule.

    Attributes
    ----------
    hidden_to : counts from 1 to this are withheld; zero is shown.
    base : other counts are rounded to the nearest multiple of this; 1 leaves them as they are.
    """

    name: str
    hidden_to: int
    base: int = 1

    @property
    def width(self) -> float:
        """Least distance between the ends of the range that may be deduced of a withheld count.

        Half of what the rule withholds, and at least 1, so that no count is known exactly.
        """
        return float(max(1, self.hidden_to // 2))

    @property
    def about(self) -> str:
        """The rule in words."""
        if not self.hidden_to:
            return "counts are published already and shown as they are"
        said = f"counts from 1 to {self.hidden_to} are withheld"
        return said if self.base == 1 else f"{said}, others rounded to the nearest {self.base}"

    def is_small(self, counts: ArrayLike) -> np.ndarray:
        """Which counts the rule withholds; missing ones are not counts."""
        counts = np.asarray(counts, dtype=float)
        with np.errstate(invalid="ignore"):
            return (counts > 0) & (counts < self.hidden_to + 1)

    def rounded(self, counts: ArrayLike) -> np.ndarray:
        """Counts as they are shown where they are not withheld."""
        counts = np.asarray(counts, dtype=float)
        nearest = self.base * np.floor(counts / self.base + 0.5)
        up = (counts > self.hidden_to) & (nearest < self._least)  # never to what it withholds
        return counts if self.base == 1 else np.where(up, self._least, nearest)

    @property
    def _least(self) -> int:
        """The smallest count that is shown above zero."""
        return -(-(self.hidden_to + 1) // self.base) * self.base

    def limits(self, shown: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """The least and greatest true count behind each count that is shown."""
        shown = np.asarray(shown, dtype=float)
        low = np.where(shown == self._least, self.hidden_to + 1, shown - self.base // 2)
        low = np.maximum(low, np.where(shown > 0, self.hidden_to + 1, 0))
        high = np.where((shown == 0) & (self.hidden_to > 0), 0, shown + (self.base - 1) // 2)
        return (shown, shown) if self.base == 1 else (low, high)


OPEN = Profile("open", 0)
PROFILES = {
    "open": OPEN,
    "nhs": Profile("nhs", 7, 5),  # NHS Digital, disclosure control for HES and ECDS, September 2018
    "ons_3": Profile("ons_3", 2),  # Office for National Statistics, counts below 3
    "ons_5": Profile("ons_5", 4),  # Office for National Statistics, counts below 5
    "tre_10": Profile("tre_10", 9),  # trusted research environments, counts below 10
}


def find_profile(name: object) -> Profile:
    """The profile of that name.

    Parameters
    ----------
    name : ``open``, ``nhs``, ``ons_3``, ``ons_5``, ``tre_10``, or a rule of your own:
        ``custom:6`` withholds counts from 1 to 6, ``custom:6,3`` rounds the others to the nearest 3
        as well.

    Raises
    ------
    DisclosureError
        There is no such profile, or the name is blank.
    """
    text = "" if name is None or pd.isna(name) else str(name).strip()
    if found := _CUSTOM.fullmatch(text):
        hidden_to, base = int(found[1]), int(found[2] or 1)
        if hidden_to >= 1 and base >= 1:
            return Profile(text, hidden_to, base)
    if text not in PROFILES:
        raise DisclosureError(
            f'There is no disclosure profile "{text}".{did_you_mean(text, PROFILES)} '
            f"Choose one of {', '.join(PROFILES)}, or your own rule such as custom:6."
        )
    return PROFILES[text]


def shown_count(count: float, profile: str = "nhs") -> str:
    """A count of people as it may be printed: ``"0"``, ``"*"`` or the rounded count.

    Parameters
    ----------
    count : whole number, 0 or more; a missing one is printed as an en dash.
    profile : name of a profile; see `find_profile`.

    >>> [shown_count(count) for count in (0, 7, 8, 13)]
    ['0', '*', '10', '15']
    """
    if pd.isna(count):
        return UNKNOWN
    rule = find_profile(profile)
    if count < 0 or count != round(count):
        raise DisclosureError(f"{count} is no count. Give a whole number, 0 or more.")
    return MARK if rule.is_small(count) else str(int(rule.rounded(count)))


INTERNAL = "internal"
AUDIENCES = (INTERNAL, "partners", "public")
# What describes the others and holds no fact about people or money.
PLAIN = ("areas", "area_members", "code_lookup", "indicators", "sharing")


def profiles_of(study: Study) -> dict[str, Profile]:
    """The small-number rule of each indicator.

    Raises
    ------
    DisclosureError
        An indicator has none, or one that is unknown; the message names all of them.
    """
    made, wrong = {}, []
    for row in study.indicators().itertuples():
        given = row.disclosure_profile
        try:
            made[row.indicator_id] = find_profile(given)
        except DisclosureError as error:
            blank = pd.isna(given) or not str(given).strip()
            wrong.append(f'"{row.indicator_id}" has no rule' if blank else str(error))
    if wrong:
        raise DisclosureError(
            f"{wrong[0]}{' and so on' if len(wrong) > 1 else ''}: {len(wrong)} of "
            f"{len(wrong) + len(made)} indicators cannot be shown. Fill in the column "
            "disclosure_profile of the table indicators: open, nhs, ons_3, ons_5, tre_10 or "
            "custom:N."
        )
    return made


def tables_to_show(study: Study, audience: str, *, on: date | None = None) -> dict[str, int]:
    """Tables that `audience` may see, each with the smallest count that may be shown of it.

    A table that its agreement closes to the audience is left out: to the public when it may not be
    published, to partners when nobody may receive it.

    Raises
    ------
    DisclosureError
        A table has no agreement, or one that has expired; the message names all of them.
    """
    day = pd.Timestamp(on or date.today())
    held = [name for name in schema.TABLES if study.has(name) and name not in PLAIN]
    blank = pd.DataFrame(columns=schema.TABLES["sharing"].names)
    agreed = (study.read("sharing") if study.has("sharing") else blank).set_index("table")
    publish, given = agreed["may_publish"].eq(True), agreed["recipients"].notna()
    open_to = agreed.index[publish if audience == "public" else publish | given]
    closed = agreed.index.difference(open_to)
    missing = [name for name in held if name not in agreed.index]
    expires = pd.to_datetime(agreed["expires"])
    over = [name for name in held if name in open_to and expires[name] < day]
    said = [f"no agreement covers {and_list(missing)}"] if missing else []
    said += [f"the agreement on {and_list(over)} has expired"] if over else []
    if said:
        raise DisclosureError(
            f"The study {study.name} cannot be shown to the audience {audience}: "
            f"{' and '.join(said)}. Enter it in the table sharing."
        )
    shown = agreed.loc[[name for name in held if name not in closed]]
    if "observations" not in shown.index:
        raise DisclosureError(
            f"The agreement on observations does not let the audience {audience} see them."
        )
    smallest = pd.to_numeric(shown["min_cell"]).fillna(1).astype(int)
    return {str(name): int(smallest[name]) for name in shown.index}


def warn_internal(study: Study) -> None:
    """Say, without stopping, what would keep the pages of `study` from being published."""
    for check in (profiles_of, lambda one: tables_to_show(one, "public")):
        try:
            check(study)
        except DisclosureError as error:
            warnings.warn(f"For internal use only. {error}", InternalNotice, stacklevel=2)
