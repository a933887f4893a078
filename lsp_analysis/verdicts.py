"""What may be said of an effect, and what may not, by rule.

A design below Maryland level 4 (no random allocation, or nothing as good) shows a difference, never
its cause: no rule here says that a programme caused anything, and `causal_words` finds the words
that would, so that tests can hold every page to this.
"""

from __future__ import annotations

import re

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError

_CAUSAL = re.compile(
    r"\b((?<!all )(?<!all-)causes?(?! of death)|caus(?:ed|ing|al|ally)|"
    r"because of|due to|owing to|thanks to|led to|leads to|"
    r"result(?:s|ed|ing)? in|brought about|made possible by|prov(?:es|ed|en)|attributable to)\b",
    re.IGNORECASE,
)


CAUTION = {
    "weak": "Other things that happened at the same time could look the same",
    "fair": "Differences between the areas that this design cannot see could look the same",
    "strong": "The design guards against most other explanations",
}


def causal_words(text: str) -> list[str]:
    """Words of `text` that claim a cause; a sentence below Maryland level 4 has none."""
    return [match.group(0) for match in _CAUSAL.finditer(text)]


def effect_class(low: float, high: float, worth_having: float | None = None) -> str:
    """What an interval allows to be said of an effect.

    Parameters
    ----------
    low, high : float
        Ends of the interval, in the units of the outcome.
    worth_having : float above zero, optional
        Smallest effect, in either direction, that would be worth having. Without it, nothing can
        be shown too small to matter.

    Returns
    -------
    str
        ``"difference"`` (zero lies outside the interval), ``"small difference"`` (zero lies
        outside, and so does every effect worth having), ``"no effect worth having"`` (zero lies
        inside, every effect worth having outside), ``"no evidence"`` (zero and effects worth
        having both lie inside, or the smallest worth having was not stated), or ``"unknown"``.
    """
    if wording.is_missing(low) or wording.is_missing(high):
        return "unknown"
    if low > high:
        raise ParameterError(f"The interval runs from {low} down to {high}. Swap its ends.")
    if worth_having is not None and not worth_having > 0:
        raise ParameterError(
            f"The smallest effect worth having is a size above zero, not {worth_having!r}."
        )
    too_small = worth_having is not None and -worth_having < low and high < worth_having
    if low > 0 or high < 0:
        return "small difference" if too_small else "difference"
    return "no effect worth having" if too_small else "no evidence"
