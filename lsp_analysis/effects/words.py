"""An effect in one plain line: direction, size, unit, interval, comparator, period, caution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.wording import Sentence

ROUNDING = 1e-9  # share by which observed and expected differ where arithmetic alone parts them
GOOD = {"high_is_good": 1, "low_is_good": -1}
MOST_PER_CENT = 900  # beyond which "ten times higher" reads better


CAUTION = {
    "weak": "Other things that happened at the same time could look the same",
    "fair": "Differences between the areas that this design cannot see could look the same",
    "strong": "The design guards against most other explanations",
}


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
    sized = isinstance(worth_having, Real) and worth_having > 0
    if worth_having is not None and not sized:
        raise ParameterError(
            f"The smallest effect worth having is a size above zero, not {worth_having!r}."
        )
    too_small = worth_having is not None and -worth_having < low and high < worth_having
    if low > 0 or high < 0:
        return "small difference" if too_small else "difference"
    return "no effect worth having" if too_small else "no evidence"


def effect_sentence(effect: Any, *, worth_having: float | None = None) -> Sentence:
    """The sentence of an `EffectEstimate`; `worth_having` as in its method of the same name."""
    if wording.is_missing(effect.estimate):
        return Sentence(f"The effect on {_name(effect)} could not be estimated from these data.")
    found = "difference" in effect_class(*_ends(effect), worth_having)
    beside = effect.caution if found else ""
    return Sentence(" ".join(filter(None, [_size(effect), beside, _finding(effect, worth_having)])))


def short_sentence(effect: Any) -> Sentence:
    """Size, interval and what may be said, without the workings."""
    if wording.is_missing(effect.estimate):
        return effect_sentence(effect)
    name = _name(effect)
    kind = effect_class(*_ends(effect))
    gap = than_expected(_gap(effect))
    size = f"{name[:1].upper()}{name[1:]} ran {gap} ({_interval(effect)})"
    tail = (
        f"more than chance usually makes{_for_the_better(effect)}{_beside(effect)}"
        if "difference" in kind
        else "we cannot tell whether there was an effect"
    )
    return Sentence(f"{size}: {tail}.")


def path_sentence(effect: Any) -> Sentence:
    """Where the neighbourhood stood before the start and after it, and where it was expected."""
    paths, unit = effect.paths, effect.path_unit or effect.unit
    if effect.start is None or paths.empty:
        return Sentence("There is no path to show: the periods are not known.")
    after = paths["period"] >= effect.start
    before, since = paths[~after].mean(numeric_only=True), paths[after].mean(numeric_only=True)
    levels = [float(x) for x in (before["treated"], since["treated"], since["comparison"])]
    digits = 2 if max(map(abs, levels)) < 2 else None  # 0.85 and 0.92 are not both 0.9
    own, now, expected = (wording.quantity(x, unit, digits) for x in levels)
    return Sentence(
        f"{effect.area or 'The neighbourhood'} stood at {own} on average before "
        f"{wording.period(effect.start)}, and at {now} from then on, where {expected} was expected."
    )


def than_expected(gap: str) -> str:
    """A gap in words held against the expectation: "12% lower than expected".

    `gap` is what `Scale.gap` makes of a difference.
    """
    if gap.startswith("not "):
        return f"{gap} against what was expected"
    if gap.startswith("within "):
        return f"{gap} of what was expected"
    return f"{gap} {'as' if gap == 'the same' else 'than'} expected"


def _ends(effect: Any) -> tuple[float, float]:
    if _is_share(effect):
        return effect.relative_low, effect.relative_high
    return effect.low, effect.high


def _scale(effect: Any) -> Scale:
    return Scale(_is_share(effect), effect.unit, effect.level)


def _gap(effect: Any) -> str:
    if _is_share(effect):
        return percent(100 * effect.relative)
    if math.isclose(effect.observed, effect.counterfactual, rel_tol=ROUNDING):
        return wording.compared(0.0)
    return wording.compared(effect.estimate, effect.unit)


def _interval(effect: Any) -> str:
    times = 100 if _is_share(effect) else 1
    return _scale(effect).within(*(times * end for end in _ends(effect)))


def _name(effect: Any) -> str:
    return effect.label or effect.outcome.replace("_", " ")


def _is_share(effect: Any) -> bool:
    return effect.multiplicative and not wording.is_missing(effect.relative)


def _size(effect: Any) -> str:
    """What was seen, against what, over which periods, how sure."""
    observed, expected = (_amount(effect, x) for x in (effect.observed, effect.counterfactual))
    seen = f"{observed} against {expected} expected"
    gap, ends = than_expected(_gap(effect)), _interval(effect)
    when = _when(effect)
    chance = (
        f"; {wording.p_value(effect.p_value)}" if not wording.is_missing(effect.p_value) else ""
    )
    by = f" by {effect.inference}" if chance and effect.inference else ""
    return f"{when}{_name(effect)} ran {gap} from {effect.comparator} ({seen}; {ends}{chance}{by})."


def _amount(effect: Any, x: float) -> str:
    return wording.quantity(x, effect.unit) if effect.unit else wording.number(x)


def _when(effect: Any) -> str:
    if effect.start is None or effect.paths.empty:
        return ""
    last = effect.paths["period"].iloc[-1]
    if last == effect.start:
        return f"In {wording.period(last)}, "
    return f"From {wording.period(effect.start)} to {wording.period(last)}, "


def percent(size: float) -> str:
    """A per cent difference in words: "12% lower", "the same", "12 times higher"."""
    if wording.is_missing(size):
        return "not measurable"
    if math.isinf(size):
        return "without limit"
    if size > MOST_PER_CENT:
        return f"{wording.number(1 + size / 100, 0)} times higher"
    text = wording.number(abs(size), 0 if abs(size) >= 10 else 1)
    if float(text.replace(",", "")) == 0:
        return "the same"
    return f"{text}% {'higher' if size > 0 else 'lower'}"


def percents(low: float, high: float, level: float) -> str:
    """An interval of per cent differences in words."""
    name = f"{100 * level:.4g}% interval"
    unknown = wording.is_missing(low) or math.isinf(low)
    open_high = wording.is_missing(high) or math.isinf(high)
    if (unknown or low <= -100) and open_high:
        return f"{name} open on both sides"
    first, last = ("no limit" if lost else percent(end)
                   for end, lost in ((low, unknown), (high, open_high)))  # fmt: skip
    return f"{name} {first} to {last}"


@dataclass(frozen=True)
class Scale:
    """How effects are put in words: in per cent of what was expected, or in `unit`."""

    in_percent: bool
    unit: str
    level: float

    @property
    def axis(self) -> str:
        """Label of an axis of effects."""
        return "% of what was expected" if self.in_percent else self.unit

    def gap(self, size: float) -> str:
        """An effect in words: "12% lower", "2.1 points higher"."""
        return percent(size) if self.in_percent else wording.compared(size, self.unit)

    def within(self, low: float, high: float) -> str:
        """An interval in words."""
        if self.in_percent:
            return percents(low, high, self.level)
        return wording.interval(low, high, self.unit, self.level, of_change=True)

    def size(self, size: float) -> str:
        """An effect without its sign: "12%", "2.1 points"."""
        if self.in_percent:
            return f"{wording.number(abs(size), 0 if abs(size) >= 10 else 1)}%"
        return wording.difference(abs(size), self.unit).removeprefix("+")


def _finding(effect: Any, worth_having: float | None) -> str:
    """What the interval and the smallest detectable effect allow to be said."""
    kind = effect_class(*_ends(effect), worth_having)
    side = _for_the_better(effect)
    if kind == "difference":
        return (
            f"That is more than chance differences between areas usually make{side}; "
            f"{_caution(effect)}"
        )
    if kind == "small difference":
        small = f"more than chance usually makes{side}, but less than the smallest effect worth"
        return f"That is {small} having ({_worth(effect, worth_having)}); {_caution(effect)}"
    if kind == "no effect worth having":
        return (
            "That is evidence of no effect worth having: the interval leaves out every effect of "
            f"{_worth(effect, worth_having)} or more. {_level(effect)}"
        )
    return f"{_no_evidence(effect, worth_having)} {_smallest(effect)} {_level(effect)}"


def _no_evidence(effect: Any, worth_having: float | None) -> str:
    """No evidence of an effect, told apart from evidence of none."""
    unsure = "We cannot tell whether there was an effect"
    if worth_having is None:
        return f"{unsure}: no evidence of an effect is not evidence of none."
    return (
        f"{unsure}: the interval includes no effect, and effects of "
        f"{_worth(effect, worth_having)} or more."
    )


def _for_the_better(effect: Any) -> str:
    """Whether a difference is for the better or the worse, where the measure has a good side."""
    good = GOOD.get(effect.polarity)
    if good is None:
        return ""
    return f", and for the {'better' if good * sum(_ends(effect)) > 0 else 'worse'}"


def _smallest(effect: Any) -> str:
    if wording.is_missing(effect.smallest_effect):
        return "How small an effect would have been found cannot be told from these data."
    if math.isinf(effect.smallest_effect):
        return "With these data no effect of any size would have been found four times in five."
    kind = "one" if not _is_share(effect) else (
        "a rise" if effect.polarity == "high_is_good" else "a fall")  # fmt: skip
    smallest = effect.smallest_relative if _is_share(effect) else effect.smallest_effect
    return (
        "The smallest that would have been found four times in five is "
        f"{kind} of {_worth(effect, smallest)}."
    )


def _worth(effect: Any, size: float) -> str:
    return _scale(effect).size(100 * size if _is_share(effect) else size)


def _caution(effect: Any) -> str:
    strength = "weak" if effect.maryland <= 2 else "fair" if effect.maryland == 3 else "strong"
    text = CAUTION[strength]
    return f"{text[0].lower()}{text[1:]}. {_level(effect)}"


def _beside(effect: Any) -> str:
    """A caution that goes on in the same sentence; empty without one."""
    text = effect.caution.rstrip(".")
    return f"; {text[:1].lower()}{text[1:]}" if text else ""


def _level(effect: Any) -> str:
    return f"Maryland level {effect.maryland}."
