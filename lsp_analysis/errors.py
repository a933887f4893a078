"""One family of errors. Each message says what was found, where, and what to do next."""

import difflib
from collections.abc import Iterable


class LspError(Exception):
    """Base of every error this package raises on purpose; the command line and notebooks print it
    without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows for it: the sentence alone (``%tb`` shows the rest)."""
        return [f"{type(self).__name__}: {self}"]


class StudyError(LspError):
    """A study folder cannot be opened, read or written."""


class UnknownNameError(StudyError):
    """A study has nothing of that name; the message has the nearest names."""


class AreaError(LspError):
    """An area is unknown, ambiguous or of the wrong code vintage."""


class PanelError(LspError):
    """A panel of areas and periods cannot answer the question asked of it."""


class LevelError(PanelError):
    """An indicator has observations, but none for areas of the type asked for.

    ``levels`` are the types of areas that it is given for.
    """

    levels: tuple[str, ...] = ()


class ParameterError(LspError):
    """A parameter is unknown, of the wrong type or out of range."""


class SourceError(StudyError):
    """A table somebody else made is missing, damaged or cannot be understood."""


class ReportError(LspError):
    """A report could not be made whole; nothing half-written is left behind."""


class UnfinishedError(ReportError):
    """Reports were asked for rightly and begun, and not all could be made."""


class DesignError(LspError):
    """An experiment's design, register or allocation does not hold together."""


class DisclosureError(LspError):
    """A table would let a reader learn about a person."""


class InternalNotice(UserWarning):
    """What keeps pages from being published; they are made for internal use all the same."""


class RepairNotice(UserWarning):
    """A change that was cut short, as by a power cut, was found and finished or undone."""


def did_you_mean(text: str, choices: Iterable[str], n: int = 3, cutoff: float = 0.6) -> str:
    """Close matches to `text` as the end of an error message, or an empty string.

    >>> did_you_mean("burglery", ["burglary", "smoking"])
    ' Did you mean "burglary"?'
    """
    by_fold = {choice.casefold(): choice for choice in [*choices][::-1]}
    close = [
        by_fold[folded]
        for folded in difflib.get_close_matches(text.casefold(), by_fold, n=n, cutoff=cutoff)
    ]
    if not close:
        return ""
    return " Did you mean " + " or ".join(f'"{choice}"' for choice in close) + "?"


def check_one_of(
    value: object,
    choices: Iterable[str],
    what: str,
    error: type[LspError] = ParameterError,
    where: str = "",
) -> None:
    """Refuse a word that is not one of `choices`, and name those there are."""
    choices = list(choices)
    if value not in choices:
        choices = [choice for choice in choices if choice]
        hint = did_you_mean(str(value), choices)
        raise error(
            f'There is no {what} "{str(value)[:60]}"{where}.{hint} Choose from '
            f"{', '.join(choices)}."
        )
