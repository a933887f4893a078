"""How a result shows itself as the last line of a notebook cell: sentence, picture and table; and
what stands where a result would, and says why there is none.

Everything is HTML with the picture inside it, because that is what keeps the alternative text in
JupyterLab, VS Code and nbconvert alike.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from inspect import signature
from numbers import Number
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import LspError, ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.figures.tables import Table
else:  # results name their axes' type, and matplotlib is loaded when one is drawn
    Axes = Any

T = TypeVar("T")
MOST_ROWS, MOST_COLUMNS = 12, 8  # of a result's summary frame that its table shows
_GREY = "color: #6B6B6B"


class Shown:
    """Base of results: IPython shows the sentence, the picture and the table of each.

    A result has ``sentence()`` and, where it can, ``plot()`` and ``summary_frame()``. What its
    data cannot give is one grey sentence instead. The note of its study ("Simulated data") is
    stamped on every picture it draws.
    """

    _note = ""
    _about = ""
    _events: Any = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the ``plot`` and ``draw`` methods of a new class name and stamp their pictures."""
        super().__init_subclass__(**options)
        for name, method in list(vars(cls).items()):
            if callable(method) and name.startswith(("plot", "draw")):
                setattr(cls, name, _stamped(method))

    @property
    def chart_name(self) -> str:
        """What its charts are of, where they do not say so: by default its indicator or name."""
        name = getattr(getattr(self, "indicator", None), "name", "") or getattr(self, "name", "")
        return name if isinstance(name, str) and name else self._about

    def shown_table(self) -> Table | None:
        """The table shown under the picture; by default the summary frame in plain words."""
        if not hasattr(self, "summary_frame"):
            return None
        return readable(self.summary_frame())

    def _repr_html_(self) -> str:
        makers = [getattr(self, name, None) for name in ("sentence", "plot", "shown_table")]
        return "".join(_part(make) for make in makers if make is not None)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = str(self.sentence()) if hasattr(self, "sentence") else repr(self)
        return {"text/html": self._repr_html_(), "text/plain": text}


class ShownTable(Shown):
    """A result whose numbers are one table, its attribute ``table``."""

    table: pd.DataFrame

    def summary_frame(self) -> pd.DataFrame:
        """The numbers, as the attribute ``table`` of the class explains them."""
        return self.table


def carries_note(make: Callable[..., T]) -> Callable[..., T]:
    """Let what `make` returns carry the ``note`` of its first argument (a study, a place, a
    question), and each of several results its own."""

    @wraps(make)
    def made(asked: Any, *args: Any, **kwargs: Any) -> T:
        return with_note(make(asked, *args, **kwargs), getattr(asked, "note", ""))

    return made


def with_note(result: T, note: str, events: Any = None, about: str = "") -> T:
    """`result`, or each of a list of results, with `note` on the pictures it will draw.

    Dated `events` are marked on those that can mark them, where no others are given; `about` names
    pictures of results that do not know their indicator.
    """
    for one in result if isinstance(result, list | tuple) else [result]:
        if isinstance(one, Shown):
            object.__setattr__(one, "_note", note)
            object.__setattr__(one, "_events", events)
            object.__setattr__(one, "_about", about)
    return result


def refuse_misfit(name: str, method: Callable[..., Any], *args: Any, **options: Any) -> None:
    """ParameterError where `method`, known to users as `name`, cannot be called with these."""
    takes = signature(method)
    try:
        takes.bind(*args, **options)
    except TypeError as error:
        first, *others = takes.parameters
        first = first if first == "question" else "place"
        raise ParameterError(
            f"{name}: {error}. It takes {wording.and_list([first, *others])}; help({name}) "
            "explains them."
        ) from None


def as_html(part: Any, *, note: str = "") -> str:
    """A sentence, a table, a result or a chart as HTML; a chart with its alternative text."""
    from lsp_analysis.figures.style import picture_html

    if hasattr(part, "_repr_html_"):
        return part._repr_html_()
    if hasattr(part, "figure"):
        return picture_html(part, note=note)
    return "" if part is None else wording.Sentence(part)._repr_html_()


def grey(reason: object) -> str:
    """One grey sentence: what stands where the data cannot give a picture or a table."""
    return f'<p class="table-note" style="{_GREY}">{html.escape(str(reason))}</p>'


def readable(frame: pd.DataFrame) -> Table | None:
    """A summary frame as a table for people: its first rows (the last ones of a series), or its
    items where it has one row."""
    from lsp_analysis.figures.tables import table

    if frame.index.name or frame.index.nlevels > 1:
        frame = frame.reset_index()
    frame = frame.dropna(axis=1, how="all")
    for name in {"p", "p_value", "p_adjusted"} & set(frame):
        frame[name] = [wording.p_value(p)[2:].removeprefix("= ") for p in frame[name]]
    if frame.empty:
        return None
    if len(frame) == 1:
        items = _items(frame.iloc[0].to_dict())
        values = pd.Series(list(items.values()), dtype=object)
        return table(pd.DataFrame({"Item": list(items), "Value": values}), "In numbers")
    named = frame.rename(columns=_in_words)
    by_time = len(named) > MOST_ROWS and named.columns[0] == "Period"
    rows = named.tail(MOST_ROWS) if by_time else named.head(MOST_ROWS)
    first = rows.iloc[:, :MOST_COLUMNS].reset_index(drop=True)
    note = "" if first.shape == named.shape else f"{_size(named)} in all: summary_frame()."
    return table(first, "In numbers", note)


def _items(row: dict[str, Any]) -> dict[str, Any]:
    """One row by name, each number with its interval in brackets, without what is empty."""
    items = {}
    for name, value in row.items():
        if name in _UNTOLD or str(value) == "" or name.removesuffix("_low") != name:
            continue
        of = name.removesuffix("_value")
        low, high = row.get(f"{of}_low"), row.get(f"{of}_high")
        if name in ("estimate", "value") and low is None:
            low, high = row.get("low"), row.get("high")
        if name.removesuffix("_high") != name or name in ("low", "high"):
            continue
        if isinstance(value, Number) and isinstance(low, Number) and not wording.is_missing(value):
            ends = wording.number(low), wording.number(high)
            value = f"{wording.number(value)} ({ends[0]} to {ends[1]})"
        items[_in_words(name)] = value
    return items


def _in_words(name: object) -> str:
    """A column's name for people."""
    text = _WORDS.get(str(name), str(name).replace("_", " "))
    return wording.capital(text)


_UNTOLD = ("indicator_id", "outcome", "polarity", "averaged", "close_low", "close_high")
_WORDS = {
    "se": "standard error",
    "denominator": "denominator (people, households or person-years)",
    "relative": "effect as a share of what was expected",
    "counterfactual": "expected without the programme",
    "smallest_effect": "minimum detectable effect",
    "smallest_relative": "minimum detectable effect as a share",
    "false_alarm_rate": "false positive rate",
    "false_positive_rate": "false positive rate",
    "n_placebos": "placebo neighbourhoods",
    "n_disjoint": "placebo neighbourhoods that share no area",
    "finest_p": "smallest p-value possible",
    "p_value": "p-value",
    "maryland": "Maryland level",
    "level": "level of confidence intervals",
}


def _size(frame: pd.DataFrame) -> str:
    rows, columns = (
        wording.counted(n, noun) for n, noun in zip(frame.shape, ("row", "column"), strict=True)
    )
    return wording.capital(f"{rows} and {columns}")


def _part(make: Callable[[], Any]) -> str:
    """HTML of one part of a result, or the reason why there is none."""
    try:
        return as_html(make())
    except LspError as error:
        return grey(error)


def _stamped(method: Callable[..., Any]) -> Callable[..., Any]:
    """A drawing method whose picture bears the note and the name of its result."""

    takes_events = "events" in signature(method).parameters

    @wraps(method)
    def draw(self: Shown, *args: Any, **kwargs: Any) -> Any:
        if takes_events and self._events is not None:
            kwargs.setdefault("events", self._events)
        drawn = method(self, *args, **kwargs)
        if hasattr(drawn, "figure"):
            from lsp_analysis.figures.style import name_chart, stamp

            name_chart(drawn, self.chart_name)
            stamp(drawn.figure.get_figure(root=True), self._note)
        return drawn

    return draw


@dataclass(frozen=True)
class View(Shown):
    """One view of a place or a study: a sentence, its numbers, a chart, and a table for readers.

    Without `tabulate` the numbers themselves are shown as the table.
    `draw` takes axes or None and returns axes, `tabulate` takes nothing and returns a table.
    """

    said: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    draw: Callable[[Axes | None], Any] | None = field(default=None, repr=False, compare=False)
    tabulate: Callable[[], Table | None] | None = field(default=None, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """The numbers."""
        return self.table

    def sentence(self) -> wording.Sentence:
        """What is said."""
        return wording.Sentence(self.said)

    def plot(self, ax: Axes | None = None) -> Any:
        """Draw it, on `ax` if given, and return the axes."""
        return self.draw(ax) if self.draw else None

    def shown_table(self) -> Table | None:
        """List it."""
        return self.tabulate() if self.tabulate else super().shown_table()


@dataclass(frozen=True)
class Absent:
    """No result, and the reason: a table the study lacks, a series too short.

    It counts as false, has the same ``sentence()`` as any result, and shows its reason in grey as
    the last line of a cell. All else that is asked of it (``found.plot()``, ``found.table``) is the
    same absence, so that a notebook reads on with one grey sentence where a picture would be.
    """

    reason: str

    def __bool__(self) -> bool:
        """False: there is nothing here to draw or tabulate."""
        return False

    def __getattr__(self, name: str) -> Absent:
        """Itself, whatever public part of a result is asked for."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Absent:
        """Itself, whatever a method of a result would be called with."""
        return self

    def __getitem__(self, _: Any) -> Absent:
        """Itself, whatever entry is asked for."""
        return self

    def __iter__(self) -> Iterator[Any]:
        """Nothing to go through."""
        return iter(())

    def sentence(self, **_: Any) -> wording.Sentence:
        """The reason."""
        return wording.Sentence(self.reason)

    def _repr_html_(self) -> str:
        return grey(self.reason)


def if_possible(make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``make(*args, **kwargs)``, or an `Absent` with the reason why it cannot be made.

    Only what this package says on purpose becomes a reason; any other error is one.
    """
    try:
        return make(*args, **kwargs)
    except LspError as error:
        return Absent(str(error))
