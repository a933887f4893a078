"""Whether a study may be shown to an audience: its rules for small numbers and its agreements."""

from __future__ import annotations

import warnings
from datetime import date

import pandas as pd

from lsp_analysis.disclosure.profiles import Profile, find_profile
from lsp_analysis.errors import DisclosureError, InternalNotice, ParameterError, did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.store import Study
from lsp_analysis.wording import and_list

INTERNAL = "internal"
AUDIENCES = (INTERNAL, "partners", "public")
# What describes the others and holds no fact about people or money.
PLAIN = ("areas", "area_members", "code_lookup", "indicators", "sharing")


def check_audience(audience: str) -> str:
    """`audience`, if it is one; else ParameterError."""
    if audience not in AUDIENCES:
        raise ParameterError(
            f'There is no audience "{audience}".{did_you_mean(audience, AUDIENCES)} '
            f"Choose {', '.join(AUDIENCES[:-1])} or {AUDIENCES[-1]}."
        )
    return audience


def profiles_of(study: Study) -> dict[str, Profile]:
    """The small-number rule of each indicator.

    Raises
    ------
    DisclosureError
        An indicator has none, or one that is unknown; the message names all of them.
    """
    made, wrong = {}, []
    for row in study.indicators().itertuples():
        given = row.disclosure_profile
        try:
            made[row.indicator_id] = find_profile(given)
        except DisclosureError as error:
            blank = pd.isna(given) or not str(given).strip()
            wrong.append(f'"{row.indicator_id}" has no rule' if blank else str(error))
    if wrong:
        raise DisclosureError(
            f"{wrong[0]}{' and so on' if len(wrong) > 1 else ''}: {len(wrong)} of "
            f"{len(wrong) + len(made)} indicators cannot be shown. Fill in the column "
            "disclosure_profile of the table indicators: open, nhs, ons_3, ons_5, tre_10 or "
            "custom:N."
        )
    return made


def tables_to_show(study: Study, audience: str, *, on: date | None = None) -> dict[str, int]:
    """Tables that `audience` may see, each with the smallest count that may be shown of it.

    A table that its agreement closes to the audience is left out: to the public when it may not be
    published, to partners when nobody may receive it.

    Raises
    ------
    DisclosureError
        A table has no agreement, or one that has expired; the message names all of them.
    """
    day = pd.Timestamp(on or date.today())
    held = [name for name in schema.TABLES if study.has(name) and name not in PLAIN]
    blank = pd.DataFrame(columns=schema.TABLES["sharing"].names)
    agreed = (study.read("sharing") if study.has("sharing") else blank).set_index("table")
    publish, given = agreed["may_publish"].eq(True), agreed["recipients"].notna()
    open_to = agreed.index[publish if audience == "public" else publish | given]
    closed = agreed.index.difference(open_to)
    missing = [name for name in held if name not in agreed.index]
    expires = pd.to_datetime(agreed["expires"])
    over = [name for name in held if name in open_to and expires[name] < day]
    said = [f"no agreement covers {and_list(missing)}"] if missing else []
    said += [f"the agreement on {and_list(over)} has expired"] if over else []
    if said:
        raise DisclosureError(
            f"The study {study.name} cannot be shown to the audience {audience}: "
            f"{' and '.join(said)}. Enter it in the table sharing."
        )
    shown = agreed.loc[[name for name in held if name not in closed]]
    if "observations" not in shown.index:
        raise DisclosureError(
            f"The agreement on observations does not let the audience {audience} see them."
        )
    smallest = pd.to_numeric(shown["min_cell"]).fillna(1).astype(int)
    return {str(name): int(smallest[name]) for name in shown.index}


def warn_internal(study: Study) -> None:
    """Say, without stopping, what would keep the pages of `study` from being published."""
    for check in (profiles_of, lambda one: tables_to_show(one, "public")):
        try:
            check(study)
        except DisclosureError as error:
            warnings.warn(f"For internal use only. {error}", InternalNotice, stacklevel=2)
