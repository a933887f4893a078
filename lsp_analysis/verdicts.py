"""What may be said of an effect, and what may not, by rule.

A design below Maryland level 4 (no random allocation, or nothing as good) shows a difference, never
its cause: no rule here says that a programme caused anything, and `causal_words` finds the words
that would, so that tests can hold every page to this.
"""

from __future__ import annotations

import re

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.wording import Sentence

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


def effect_verdict(
    estimate: float,
    low: float,
    high: float,
    worth_having: float | None = None,
    maryland: int = 3,
    unit: str = "",
    *,
    outcome: str = "the outcome",
    comparator: str = "the comparison areas",
    level: float = 0.95,
) -> Sentence:
    """What may be said of an effect: its size, its interval, and how far the design can be trusted.

    Tells "no evidence of an effect" (the interval still holds effects worth having) from "evidence
    of no effect worth having" (it holds none).

    Parameters
    ----------
    estimate, low, high : float
        Effect and interval in the units of the outcome; missing means it could not be estimated.
    worth_having : float above zero, optional
        Smallest effect worth having, in either direction.
    maryland : int from 1 to 5
        Level of the design on the Maryland scientific methods scale.
    unit : str
        Unit code of the study folder, or words that follow a number.
    outcome, comparator : str
        What was measured, and whom it is compared with, as they stand inside a sentence.
    level : float between 0 and 1
        Coverage of the interval.
    """
    kind = effect_class(low, high, worth_having)
    if kind == "unknown" or wording.is_missing(estimate):
        return Sentence(f"The effect on {outcome} could not be estimated from these data.")
    within = wording.interval(low, high, unit, level, of_change=True)
    size = f"{_more_or_less(estimate, unit)} ({within})"
    worth = "" if worth_having is None else _size(worth_having, unit)
    first = f"Measured against {comparator}, {outcome} {size}."
    return Sentence(f"{first} {_finding(kind, worth)} {_caution(maryland, kind)}".rstrip())


def _more_or_less(estimate: float, unit: str) -> str:
    """Verb and size of an estimated effect."""
    moved = wording.change(estimate, unit)
    return moved.replace("did not change", "moved no differently")


def _size(x: float, unit: str) -> str:
    """A size without its sign, in the units of a change."""
    return wording.difference(abs(x), unit).removeprefix("+")


def _finding(kind: str, worth: str) -> str:
    """What the interval allows to be said, in one or two sentences."""
    if kind == "difference":
        return "That is more than chance differences between areas usually make."
    if kind == "small difference":
        return (
            "That is more than chance usually makes, but smaller than the smallest effect worth "
            f"having ({worth})."
        )
    if kind == "no effect worth having":
        return (
            "That is evidence of no effect worth having: an effect of "
            f"{worth} or more, either way, would lie outside the interval."
        )
    if worth:
        return (
            "That is no evidence of an effect, and no evidence of its absence either: effects "
            f"worth having ({worth} or more) still lie inside the interval."
        )
    return (
        "That is no evidence of an effect, which is not evidence of its absence: no smallest "
        "effect worth having was stated to hold it against."
    )


def _caution(maryland: int, kind: str) -> str:
    """How far the design can carry a finding of a difference."""
    if maryland not in (1, 2, 3, 4, 5):
        raise ParameterError(f"A Maryland level is a whole number from 1 to 5, not {maryland!r}.")
    if not kind.endswith("difference"):
        return f"(Maryland level {maryland}.)"
    strength = "weak" if maryland <= 2 else "fair" if maryland == 3 else "strong"
    return f"{CAUTION[strength]} (Maryland level {maryland})."
