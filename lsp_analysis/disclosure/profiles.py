"""Small-number rules: which counts are withheld, how others are rounded, what may be deduced."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis.errors import DisclosureError, did_you_mean

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
    source: str = ""

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
    profile.name: profile
    for profile in (
        OPEN,
        Profile("nhs", 7, 5, "NHS Digital, disclosure control for HES and ECDS, September 2018"),
        Profile("ons_3", 2, 1, "Office for National Statistics, counts below 3"),
        Profile("ons_5", 4, 1, "Office for National Statistics, counts below 5"),
        Profile("tre_10", 9, 1, "trusted research environments, counts below 10"),
    )
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
