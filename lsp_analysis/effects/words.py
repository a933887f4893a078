"""An effect in one plain line: direction, size, unit, interval, comparator, period, caution."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.wording import Sentence

ROUNDING = 1e-9  # share by which observed and expected differ where arithmetic alone parts them
GOOD = {"high_is_good": 1, "low_is_good": -1}
MOST_PER_CENT = 900  # beyond which "ten times higher" reads better
WEAK = "other things that happened at the same time could look the same"
CAUTION = {
    1: WEAK,
    2: WEAK,
    3: "differences between the areas that this design cannot see could look the same",
}  # by Maryland level
STRONG = "the design guards against most other explanations"


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


def than_expected(gap: str) -> str:
    """A gap in words held against the expectation: "12% lower than expected".

    `gap` is what `Scale.gap` makes of a difference.
    """
    if gap.startswith("not "):
        return f"{gap} against what was expected"
    if gap.startswith("within "):
        return f"{gap} of what was expected"
    return f"{gap} {'as' if gap == 'the same' else 'than'} expected"


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
        if not self.in_percent:
            return wording.interval(low, high, self.unit, self.level, of_change=True)
        name = f"{100 * self.level:.4g}% interval"
        unknown = wording.is_missing(low) or math.isinf(low)
        open_high = wording.is_missing(high) or math.isinf(high)
        if (unknown or low <= -100) and open_high:
            return f"{name} open on both sides"
        first = "no limit" if unknown else percent(low)
        return f"{name} {first} to {'no limit' if open_high else percent(high)}"

    def size(self, size: float) -> str:
        """An effect without its sign: "12%", "2.1 points"."""
        if self.in_percent:
            return f"{wording.number(abs(size), 0 if abs(size) >= 10 else 1)}%"
        return wording.difference(abs(size), self.unit).removeprefix("+")


class Size(NamedTuple):
    """An effect with its interval as it is shown, and whether it stands out among placebos."""

    estimate: float
    low: float
    high: float
    p_value: float
    clear: bool

    def row(self, label: str) -> dict[str, object]:
        """A row of a table that `figures.draw_forest` draws."""
        return {"label": label} | dict(zip(self._fields[:4], self[:4], strict=True))


class EffectWords:
    """Sentences of an `EffectEstimate`, which inherits them."""

    def sentence(self, worth_having: float | None = None) -> Sentence:
        """Direction, size, unit, interval, comparator, period, caution in one plain line.

        Parameters
        ----------
        worth_having : float, optional
            Smallest effect worth having, as a positive share of the counterfactual where the effect
            is relative and in units of the outcome elsewhere. With it, "no evidence of an effect"
            is told apart from "evidence of no effect worth having".
        """
        if wording.is_missing(self.estimate):
            return Sentence(f"The effect on {self._name} could not be estimated from these data.")
        kind = effect_class(*self._ends, worth_having)
        beside = self.caution if "difference" in kind else ""
        told = [self._seen(), beside, self._finding(kind, worth_having)]
        return Sentence(" ".join(filter(None, told)))

    def short_sentence(self) -> Sentence:
        """Direction, size, interval and what may be said of it, for a headline."""
        if wording.is_missing(self.estimate):
            return self.sentence()
        tail = "we cannot tell whether there was an effect"
        if "difference" in effect_class(*self._ends):
            caution = self.caution.rstrip(".")
            beside = f"; {caution[:1].lower()}{caution[1:]}" if caution else ""
            tail = f"more than chance usually makes{self._for_the_better()}{beside}"
        said = f"{self._name} ran {than_expected(self._gap())} ({self._interval()}): {tail}."
        return Sentence(said[:1].upper() + said[1:])

    def path_sentence(self) -> Sentence:
        """What `plot` shows: the level before the start, after it, and what was expected."""
        paths, unit = self.paths, self.path_unit or self.unit
        if self.start is None or paths.empty:
            return Sentence("There is no path to show: the periods are not known.")
        after = paths["period"] >= self.start
        before, since = paths[~after].mean(numeric_only=True), paths[after].mean(numeric_only=True)
        levels = [float(x) for x in (before["treated"], since["treated"], since["comparison"])]
        digits = 2 if max(map(abs, levels)) < 2 else None  # 0.85 and 0.92 are not both 0.9
        own, now, expected = (wording.quantity(x, unit, digits) for x in levels)
        return Sentence(
            f"{self.area or 'The neighbourhood'} stood at {own} on average before "
            f"{wording.period(self.start)}, and at {now} from then on, where {expected} was "
            "expected."
        )

    @property
    def scale(self) -> Scale:
        """How the effect is put in words and drawn: in per cent where it multiplies."""
        share = self.multiplicative and not wording.is_missing(self.relative)
        return Scale(share, self.unit, self.level)

    @property
    def size(self) -> Size:
        """Effect and interval on that scale."""
        ends = self.estimate, self.low, self.high
        if self.scale.in_percent:
            ends = (100 * x for x in (self.relative, self.relative_low, self.relative_high))
        return Size(*ends, self.p_value, bool(self.p_value <= 1 - self.level + 1e-12))

    @property
    def smallest(self) -> float:
        """Size on that scale of the smallest effect found with 80% power."""
        return 100 * self.smallest_relative if self.scale.in_percent else self.smallest_effect

    @property
    def _ends(self) -> tuple[float, float]:
        share = self.scale.in_percent
        return (self.relative_low, self.relative_high) if share else (self.low, self.high)

    @property
    def _name(self) -> str:
        return self.label or self.outcome.replace("_", " ")

    def _gap(self) -> str:
        same = math.isclose(self.observed, self.counterfactual, rel_tol=ROUNDING)
        if same and not self.scale.in_percent:
            return wording.compared(0.0)
        return self.scale.gap(self.size.estimate)

    def _interval(self) -> str:
        return self.scale.within(self.size.low, self.size.high)

    def _seen(self) -> str:
        """What was seen, against what, over which periods, how sure."""
        observed, expected = (
            wording.quantity(x, self.unit) if self.unit else wording.number(x)
            for x in (self.observed, self.counterfactual)
        )
        when = chance = ""
        if not wording.is_missing(self.p_value):
            by = f" by {self.inference}" if self.inference else ""
            chance = f"; {wording.p_value(self.p_value)}{by}"
        if self.start is not None and not self.paths.empty:
            first, last = map(wording.period, (self.start, self.paths["period"].iloc[-1]))
            when = f"In {last}, " if first == last else f"From {first} to {last}, "
        return (
            f"{when}{self._name} ran {than_expected(self._gap())} from {self.comparator} "
            f"({observed} against {expected} expected; {self._interval()}{chance})."
        )

    def _finding(self, kind: str, worth_having: float | None) -> str:
        """What the interval and the smallest detectable effect allow to be said."""
        better, level = self._for_the_better(), f"Maryland level {self.maryland}."
        caution = f"{CAUTION.get(self.maryland, STRONG)}. {level}"
        if kind == "difference":
            usual = f"more than chance differences between areas usually make{better}"
            return f"That is {usual}; {caution}"
        times = 100 if self.scale.in_percent else 1
        worth = "" if worth_having is None else self.scale.size(times * worth_having)
        if kind == "small difference":
            return (
                f"That is more than chance usually makes{better}, but less than the smallest "
                f"effect worth having ({worth}); {caution}"
            )
        if kind == "no effect worth having":
            return (
                "That is evidence of no effect worth having: the interval leaves out every effect "
                f"of {worth} or more. {level}"
            )
        why = "no evidence of an effect is not evidence of none."
        if worth:
            why = f"the interval includes no effect, and effects of {worth} or more."
        return f"We cannot tell whether there was an effect: {why} {self._smallest()} {level}"

    def _for_the_better(self) -> str:
        """Whether the effect is for the better, where the measure has a good side."""
        return side(sum(self._ends), self.polarity).replace(", for", ", and for")

    def _smallest(self) -> str:
        if wording.is_missing(self.smallest_effect):
            return "How small an effect would have been found cannot be told from these data."
        if math.isinf(self.smallest_effect):
            return "With these data no effect of any size would have been found four times in five."
        kind = "one"
        if self.scale.in_percent:
            kind = "a rise" if self.polarity == "high_is_good" else "a fall"
        return (
            "The smallest that would have been found four times in five is "
            f"{kind} of {self.scale.size(self.smallest)}."
        )


def side(sign: float, polarity: str) -> str:
    """Whether a difference is for the better, where the measure has a good side."""
    good = GOOD.get(polarity)
    return "" if good is None else f", for the {'better' if good * sign > 0 else 'worse'}"
