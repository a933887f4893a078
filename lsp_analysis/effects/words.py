"""An effect in one plain line: direction, size, unit, interval, comparator, period, caution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lsp_analysis import verdicts, wording
from lsp_analysis.wording import Sentence

if TYPE_CHECKING:
    from lsp_analysis.effects.result import EffectEstimate


def effect_sentence(effect: EffectEstimate, *, worth_having: float | None = None) -> Sentence:
    """The sentence of an `EffectEstimate`; `worth_having` as in its method of the same name."""
    if wording.is_missing(effect.estimate):
        return Sentence(f"The effect on {_name(effect)} could not be estimated from these data.")
    return Sentence(" ".join(filter(None, [_size(effect), _finding(effect, worth_having)])))


def short_sentence(effect: EffectEstimate) -> Sentence:
    """Size, interval and what may be said, without the workings."""
    if wording.is_missing(effect.estimate):
        return effect_sentence(effect)
    name = _name(effect)
    kind = verdicts.effect_class(*_ends(effect))
    size = f"{name[:1].upper()}{name[1:]} ran {_gap(effect)} than expected ({_interval(effect)})"
    size = size.replace("the same than expected", "the same as expected")
    tail = (
        "more than chance usually makes"
        if "difference" in kind
        else "we cannot tell whether there was an effect"
    )
    return Sentence(f"{size}: {tail}.")


def _ends(effect: EffectEstimate) -> tuple[float, float]:
    if _is_share(effect):
        return effect.relative_low, effect.relative_high
    return effect.low, effect.high


def _gap(effect: EffectEstimate) -> str:
    if _is_share(effect):
        return _percent(effect.relative)
    return wording.compared(effect.estimate, effect.unit)


def _interval(effect: EffectEstimate) -> str:
    if _is_share(effect):
        return _percent_interval(effect)
    return wording.interval(effect.low, effect.high, effect.unit, effect.level, of_change=True)


def _name(effect: EffectEstimate) -> str:
    return effect.label or effect.outcome.replace("_", " ")


def _is_share(effect: EffectEstimate) -> bool:
    return effect.multiplicative and not wording.is_missing(effect.relative)


def _size(effect: EffectEstimate) -> str:
    """What was seen, against what, over which periods, how sure."""
    observed, expected = (_amount(effect, x) for x in (effect.observed, effect.counterfactual))
    seen = f"{observed} against {expected} expected"
    gap, ends = _gap(effect), _interval(effect)
    when = _when(effect)
    chance = (
        f"; {wording.p_value(effect.p_value)}" if not wording.is_missing(effect.p_value) else ""
    )
    by = f" by {effect.inference}" if chance and effect.inference else ""
    return (
        f"{when}{_name(effect)} ran {gap} than expected from {effect.comparator} ({seen}; "
        f"{ends}{chance}{by})."
    ).replace("the same than expected from", "the same as expected from")


def _amount(effect: EffectEstimate, x: float) -> str:
    return wording.quantity(x, effect.unit) if effect.unit else wording.number(x)


def _when(effect: EffectEstimate) -> str:
    if effect.start is None or effect.paths.empty:
        return ""
    last = effect.paths["period"].iloc[-1]
    if last == effect.start:
        return f"In {wording.period(last)}, "
    return f"From {wording.period(effect.start)} to {wording.period(last)}, "


def _percent(share: float) -> str:
    size = wording.number(abs(100 * share), 0 if abs(share) >= 0.1 else 1)
    if float(size.replace(",", "")) == 0:
        return "the same"
    return f"{size}% {'higher' if share > 0 else 'lower'}"


def _percent_interval(effect: EffectEstimate) -> str:
    ends = (effect.relative_low, effect.relative_high)
    if all(wording.is_missing(end) or math.isinf(end) for end in ends):
        return f"{100 * effect.level:.0f}% interval open on both sides"
    low, high = ("no limit" if math.isinf(end) else _percent(end) for end in ends)
    return f"{100 * effect.level:.0f}% interval {low} to {high}"


def _finding(effect: EffectEstimate, worth_having: float | None) -> str:
    """What the interval and the smallest detectable effect allow to be said."""
    kind = verdicts.effect_class(*_ends(effect), worth_having)
    if kind == "difference":
        return (
            f"That is more than chance differences between areas usually make; {_caution(effect)}"
        )
    if kind == "small difference":
        small = "more than chance usually makes, but less than the smallest effect worth having"
        return f"That is {small}; {_caution(effect)}"
    if kind == "no effect worth having":
        return (
            "That is evidence of no effect worth having: the interval leaves out every effect of "
            f"{_worth(effect, worth_having)} or more. {_level(effect)}"
        )
    return f"We cannot tell whether there was an effect: {_smallest(effect)} {_level(effect)}"


def _smallest(effect: EffectEstimate) -> str:
    if wording.is_missing(effect.smallest_effect) or math.isinf(effect.smallest_effect):
        return "with these data no effect of any size would have been found four times in five."
    size = (
        f"a fall of {100 * effect.smallest_relative:.0f}%"
        if _is_share(effect)
        else f"one of {wording.quantity(effect.smallest_effect, effect.unit)}"
    )
    return f"the smallest that would have been found four times in five is {size}."


def _worth(effect: EffectEstimate, worth_having: float | None) -> str:
    if _is_share(effect):
        return f"{100 * (worth_having or 0):.0f}%"
    return wording.quantity(worth_having, effect.unit)


def _caution(effect: EffectEstimate) -> str:
    strength = "weak" if effect.maryland <= 2 else "fair" if effect.maryland == 3 else "strong"
    text = verdicts.CAUTION[strength]
    return f"{text[0].lower()}{text[1:]}. {_level(effect)}"


def _level(effect: EffectEstimate) -> str:
    return f"Maryland level {effect.maryland}."
