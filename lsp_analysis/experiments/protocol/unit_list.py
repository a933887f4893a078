"""The units of an experiment: read as they stand in their file, and checked before any is drawn."""

import hashlib
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import untrusted, wording
from lsp_analysis.errors import DesignError, LspError, did_you_mean
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.design import Design, Outcome

LARGEST = 2.0**53  # beyond it a number with decimals does not hold every whole one
HUGE = 1e100  # beyond it sums of squares are no numbers any more
MOST_COLUMNS = 2_000
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a", "-", "*", ":"})


def read_units(file: Path, design: Design) -> pd.DataFrame:
    """The units to be randomised, one row each, with their names as text in a column ``unit``.

    Numbers are read to the last bit alike on every machine, since balance depends on them.

    Raises
    ------
    DesignError
        The file cannot be read, lacks a column, repeats a name, or has words where the design
        needs numbers.
    """
    how = design.randomisation
    names = {how.unit, how.cluster, how.pair, *how.strata} - {""}
    numbers = {*how.covariates, *(one.baseline for one in design.outcomes())}
    units = read_typed(file, names=names, numbers=numbers, alike=set(design.analysis.covariates))
    wanted = {c for c in names if c != how.pair or how.method == "pairs"} | _used(design)
    lacking = sorted(wanted - set(units.columns))
    if lacking:
        raise DesignError(
            f"{file} has no column {wording.and_list(lacking)}, which the design names. Its "
            f"columns are {wording.and_list(units.columns)}."
            f"{did_you_mean(lacking[0], units.columns)}"
        )
    if units.empty:
        raise DesignError(f"{file} has no rows. Give one for each {design.unit}.")
    repeated = units.loc[units[how.unit].duplicated(), how.unit]
    if how.cluster:
        found = _clusters(units, design)
    elif units[how.unit].isna().any() or not repeated.empty:
        raise DesignError(
            f'Units must have a name each, and once: {len(repeated)} names are repeated, first "'
            f'{repeated.iloc[0] if len(repeated) else "(missing)"}". For people in clusters name '
            "the column randomisation.cluster."
        )
    else:
        found = units
    found = found.rename(columns={how.unit: "unit"})
    found.attrs["sha256"] = units.attrs["sha256"]
    return found


def read_typed(
    file: Path, *, names: set[str], numbers: set[str], alike: set[str] = frozenset()
) -> pd.DataFrame:
    """A CSV file with names as text, numbers where a column holds numbers, and words elsewhere.

    Parameters
    ----------
    names : columns that stay text, whatever they look like: `007` is a name.
    numbers : columns that must hold numbers.
    alike : columns that may hold either, but not numbers with a few words among them.

    Raises
    ------
    DesignError
        The file cannot be read, or a column that must hold numbers does not.

    Returns
    -------
    DataFrame, whose ``attrs["sha256"]`` is the digest of the bytes that it was read from.
    """
    content = read_bytes(file)
    if (columns := content.partition(b"\n")[0].count(b",") + 1) > MOST_COLUMNS:
        raise DesignError(
            f"{file} has {columns:,} columns; at most {MOST_COLUMNS:,} are read. Keep those that "
            "the design names."
        )
    try:
        table = pd.read_csv(
            io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except ValueError as error:
        raise DesignError(f"{file} cannot be read ({error}).") from error
    table.attrs["sha256"] = hashlib.sha256(content).hexdigest()
    for name in table:
        text = table[name].str.strip()
        if name in names:
            table[name] = text.where(text != "")
        else:
            table[name] = _typed(text, file, numbers=name in numbers, alike=name in alike)
    return table


def read_bytes(file: Path) -> bytes:
    """A file's bytes; DesignError if they cannot be had."""
    try:
        return untrusted.read_bytes(file, 2**31)
    except LspError as error:
        raise DesignError(f"{error} The record needs it.") from error


def covariate_table(
    units: pd.DataFrame, outcome: Outcome, names: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Covariates by unit, gaps filled with the mean, and the names of those that had gaps.

    Filling in a baseline covariate with its mean does no harm in a randomised comparison (White
    and Thompson 2005). The outcome's own value before comes first.
    """
    table = units[[name for name in dict.fromkeys([outcome.baseline, *names]) if name]]
    numeric = table.select_dtypes("number")
    gaps = numeric.columns[numeric.isna().any()].tolist()
    for name in numeric.columns[numeric.isna().all()]:
        raise DesignError(f"{name} is missing for all units, so it cannot be adjusted for.")
    filled, words = numeric.fillna(numeric.mean()), table.drop(columns=numeric.columns)
    if words.shape[1]:
        filled = filled.join(pd.get_dummies(words.astype("str"), drop_first=True))
    return filled.to_numpy(float), gaps


def check_room(design: Design, units: pd.DataFrame, scheme: Scheme) -> None:
    """Refuse a design whose blocks and covariates take up all that its units could tell.

    Raises
    ------
    DesignError
        An arm could not be compared with the control, whatever is drawn.
    """
    if scheme.size < 2:
        raise DesignError(
            "Only one allocation is possible, so nothing is left to chance. Randomise more units, "
            "or in larger blocks."
        )
    if design.is_wedge:
        return
    covariates, _ = covariate_table(units, design.outcome, design.analysis.covariates)
    for one in design.comparisons():
        group = scheme.group_of(scheme.draw("room"), one.groups)
        inside = group >= 0
        dummies = [(label[:, None] == np.unique(label))[inside] for label in (scheme.blocks, group)]
        terms = np.linalg.matrix_rank(np.column_stack([covariates[inside], *dummies]).astype(float))
        if inside.sum() - terms - 1 < 1:
            raise DesignError(
                f"{one.label} and {one.versus} would have {inside.sum()} units, and blocks and "
                f"covariates take up {terms} of them: nothing would be left to compare. Adjust for "
                "less, block less finely, or randomise more units."
            )


def read_neighbours(file: Path) -> list[tuple[str, str]]:
    """Pairs of neighbouring units, columns ``unit`` and ``neighbour``."""
    pairs = read_typed(file, names={"unit", "neighbour"}, numbers=set())
    lacking = [name for name in ("unit", "neighbour") if name not in pairs]
    if lacking:
        raise DesignError(f"{file} has no column {wording.and_list(lacking)}. Name its columns so.")
    return [pair for pair in zip(pairs["unit"], pairs["neighbour"], strict=True) if all(pair)]


def check_apart(units: pd.Series, file: Path) -> None:
    """Refuse units of which one is the neighbour of another: no treated area beside a control.

    Raises
    ------
    DesignError
        Two units that take part are neighbours in `file`.
    """
    there = set(units.astype(str))
    beside = [pair for pair in read_neighbours(file) if set(pair) <= there and pair[0] != pair[1]]
    if beside:
        raise DesignError(
            f"{wording.capital(wording.counted(len(beside), 'pair'))} of units are neighbours, "
            f"first {beside[0][0]} and {beside[0][1]}. `lsp-analysis design buffer FOLDER` keeps "
            "as many units as it can of which none are."
        )


def _used(design: Design) -> set[str]:
    """Columns that the design needs besides names."""
    how, analysis = design.randomisation, design.analysis
    baselines = {outcome.baseline for outcome in design.outcomes()}
    return {*how.covariates, *analysis.covariates, *analysis.subgroups, *baselines} - {""}


def _typed(column: pd.Series, file: Path, *, numbers: bool, alike: bool) -> pd.Series:
    """Numbers where all that is there is numbers; words otherwise."""
    known = ~column.str.casefold().isin(MISSING).to_numpy()
    values = [_number(text) for text in column.where(known, "nan")]
    strange = np.flatnonzero(known & np.isnan(values))
    if not len(strange):
        whole = known.all() and all(x.is_integer() and abs(x) < LARGEST for x in values)
        return pd.Series(values, column.index, dtype="int64" if whole else "float64")
    if numbers or (alike and len(strange) < known.sum() / 2):
        first = strange[0]
        raise DesignError(
            f'{file}, row {first + 2}, column {column.name}: "{column.iloc[first]}" is no number, '
            "and the column holds numbers. Correct it, or leave it empty if it is not known."
        )
    return column.where(known)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) < HUGE and "_" not in text else math.nan


def _clusters(units: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Rows of people as rows of clusters, by their means."""
    how = design.randomisation
    if units[how.cluster].isna().any():
        raise DesignError(f"A row has no {how.cluster}: each must name the cluster it belongs to.")
    rest = units.drop(columns=[how.unit, how.cluster])
    numbers = [c for c in rest.select_dtypes("number") if c not in how.strata]
    named = {*how.strata, *_used(design)} - set(numbers)
    same = [c for c in rest if c in named]
    grouped = units.groupby(how.cluster, sort=False)
    mixed = [c for c in same if len(units[[how.cluster, c]].drop_duplicates()) > len(grouped)]
    if mixed:
        raise DesignError(
            f"{mixed[0]} differs within a cluster, so clusters cannot be told apart by it. Give "
            "each cluster one value."
        )
    means = {c: grouped[c].agg(_mean) for c in numbers}
    clusters = pd.DataFrame(means, index=grouped.size().index).join(grouped[same].first())
    return clusters.assign(people=grouped.size()).rename_axis(how.unit).reset_index()


def _mean(values: pd.Series) -> float:
    """With an exact sum, so that no machine rounds otherwise than another."""
    known = values.dropna()
    return math.fsum(known) / len(known) if len(known) else math.nan
