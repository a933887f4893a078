"""An effect in one plain line: direction, size, unit, interval, comparator, period, caution."""

from __future__ import annotations

import math
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.wording import Sentence

ROUNDING = 1e-9  # share by which observed and expected differ where arithmetic alone parts them
MOST_PER_CENT = 9  # a share beyond which "ten times higher" reads better than "900% higher"


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
    if worth_having is not None and not worth_having > 0:
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

    `gap` is what `wording.compared` or `asked.percent` make of a difference.
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


def _gap(effect: Any) -> str:
    if _is_share(effect):
        return _percent(effect.relative)
    if math.isclose(effect.observed, effect.counterfactual, rel_tol=ROUNDING):
        return wording.compared(0.0)
    return wording.compared(effect.estimate, effect.unit)


def _interval(effect: Any) -> str:
    if _is_share(effect):
        return _percent_interval(effect)
    return wording.interval(effect.low, effect.high, effect.unit, effect.level, of_change=True)


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


def _percent(share: float) -> str:
    if share > MOST_PER_CENT:
        return f"{wording.number(1 + share, 0)} times higher"
    size = wording.number(abs(100 * share), 0 if abs(share) >= 0.1 else 1)
    if float(size.replace(",", "")) == 0:
        return "the same"
    return f"{size}% {'higher' if share > 0 else 'lower'}"


def _percent_interval(effect: Any) -> str:
    ends = (effect.relative_low, effect.relative_high)
    name = f"{100 * effect.level:.4g}% interval"
    open_low = wording.is_missing(ends[0]) or ends[0] <= -1
    open_high = wording.is_missing(ends[1]) or math.isinf(ends[1])
    if open_low and open_high:
        return f"{name} open on both sides"
    unknown = wording.is_missing(ends[0]) or math.isinf(ends[0])
    low = "no limit" if unknown else _percent(ends[0])
    return f"{name} {low} to {'no limit' if open_high else _percent(ends[1])}"


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
    good = {"high_is_good": 1, "low_is_good": -1}.get(effect.polarity)
    if good is None:
        return ""
    return f", and for the {'better' if good * sum(_ends(effect)) > 0 else 'worse'}"


def _smallest(effect: Any) -> str:
    if wording.is_missing(effect.smallest_effect):
        return "How small an effect would have been found cannot be told from these data."
    if math.isinf(effect.smallest_effect):
        return "With these data no effect of any size would have been found four times in five."
    size = (
        f"a {'rise' if effect.polarity == 'high_is_good' else 'fall'} of "
        f"{_size_of(100 * effect.smallest_relative)}"
        if _is_share(effect)
        else f"one of {_in_units(effect, effect.smallest_effect)}"
    )
    return f"The smallest that would have been found four times in five is {size}."


def _size_of(percent: float) -> str:
    return f"{wording.number(percent, 0 if percent >= 10 else 1)}%"


def _in_units(effect: Any, size: float) -> str:
    return wording.difference(size, effect.unit).removeprefix("+")


def _worth(effect: Any, worth_having: float | None) -> str:
    if _is_share(effect):
        return _size_of(100 * worth_having)
    return _in_units(effect, worth_having)


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
