"""What stands where a result would, and says why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import LspError


@dataclass(frozen=True)
class Absent:
    """No result, and the reason: a table the study lacks, a series too short.

    It counts as false, so that ``if result:`` asks whether there is one, has the same
    ``sentence()`` as any result, and shows its reason where a notebook shows a table.
    """

    reason: str

    def __bool__(self) -> bool:
        """False: there is nothing here to draw or tabulate."""
        return False

    def sentence(self) -> wording.Sentence:
        """The reason."""
        return wording.Sentence(self.reason)

    def _repr_html_(self) -> str:
        return self.sentence()._repr_html_()


def if_possible(make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``make(*args, **kwargs)``, or an `Absent` with the reason why it cannot be made.

    Only what this package says on purpose becomes a reason; any other error is one.
    """
    try:
        return make(*args, **kwargs)
    except LspError as error:
        return Absent(str(error))
