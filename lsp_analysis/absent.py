"""What stands where a result would, and says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import LspError
from lsp_analysis.showing import grey


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
