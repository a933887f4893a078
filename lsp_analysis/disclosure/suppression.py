"""Which further counts to withhold, so that no small one can be worked out from what is shown.

Small tables are solved exactly (mixed-integer programming, HiGHS; the attacker model of Fischetti
and Salazar 2001, with a range for each withheld cell). Larger ones by adding, for each cell that is
not safe yet, the cheapest set of cells that move with it, and then an audit of all of them.
"""

from itertools import islice

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from lsp_analysis.disclosure.deduction import TOLERANCE, Knowledge, sum_matrix, with_margins
from lsp_analysis.disclosure.profiles import MARK, Profile, find_profile
from lsp_analysis.errors import DisclosureError

EXACT_CELLS, EXACT_SMALL = 50, 12  # largest table, and most small counts, that are solved exactly
SECONDS = 10.0  # for one exact solution; the greedy one is used where it takes longer
PASSES = 40
NEAR = 6  # counts looked at in each sum, before all are
LARGE = 400  # cells above which speed comes before the last cell saved


def withhold(
    counts: np.ndarray,
    sums: sparse.csr_array,
    profile: Profile,
    *,
    small: np.ndarray | None = None,
    most: np.ndarray | None = None,
    before: np.ndarray | None = None,
    shown_before: np.ndarray | None = None,
    exact: bool | None = None,
) -> np.ndarray:
    """Flags of the cells to withhold, so that each keeps a range of at least ``profile.width``.

    Parameters
    ----------
    counts : array of counts, totals among them.
    sums : matrix of the sums that hold between them; see `deduction.sum_matrix`.
    profile : Profile
        Where it rounds, counts are never withheld to protect others, only totals.
    small : flags of cells to withhold, if not those that `profile` calls small.
    most : the greatest that each count can be, as everybody knows, such as the people it is of.
    before : flags of cells withheld in an earlier release, which stay withheld.
    shown_before : flags of cells shown in an earlier release, which cannot be withheld any more.
    exact : solve exactly, or do not; by default small tables only.

    Raises
    ------
    DisclosureError
        A small count cannot be protected, for example because an earlier release shows it.
    """
    counts = np.asarray(counts, dtype=float)
    small = profile.is_small(counts) if small is None else small
    most = np.full(len(counts), np.inf) if most is None else np.maximum(most, counts)
    shown_before = np.zeros(len(counts), dtype=bool) if shown_before is None else shown_before
    hidden = small | (False if before is None else before & ~shown_before)
    if (small & shown_before).any():
        raise DisclosureError(
            f"{int((small & shown_before).sum())} small counts were shown in an earlier release. "
            "Withdraw that release, and publish into a new folder."
        )
    if profile.base > 1 and small.any():
        return _totals(counts, sums, profile, hidden, shown_before, most)
    if not small.any():
        return hidden
    may = ~hidden & ~shown_before & (counts > profile.hidden_to)
    if exact is None:
        exact = len(counts) <= EXACT_CELLS and small.sum() <= EXACT_SMALL
    found = _exactly(counts, sums, profile, hidden, may, most) if exact else None
    return _greedily(counts, sums, profile, hidden, may, most) if found is None else found


def audited(counts, hidden, sums, profile: Profile, most: np.ndarray | float = np.inf) -> dict:
    """Withheld cells that can be deduced too narrowly, with their ranges; empty when safe.

    A withheld count is 1 or more, as zero is shown. Where the rule rounds, one that is no total is
    small, as nothing else is withheld but totals, and counts shown are known to within rounding;
    totals above the limit that are withheld to protect others need no more than that.
    """
    guarded = hidden
    if profile.base > 1:
        capped = profile.is_small(counts)
        guarded = hidden & capped
        capped[sums.indices[sums.data < 0]] = False  # totals
        most = np.where(capped, np.minimum(profile.hidden_to, most), most)
    known = known_of(profile.rounded(counts), hidden, sums, profile, most)
    return known.narrow(np.flatnonzero(guarded).tolist(), profile.width, truth=counts)


def known_of(shown, hidden, sums, profile: Profile, most: np.ndarray) -> Knowledge:
    """What follows from counts as they are shown: a withheld one is from 1 to `most`."""
    low, high = profile.limits(np.where(hidden, 0.0, shown))
    return Knowledge(np.where(hidden, 1.0, low), np.where(hidden, most, high), sums)


def _totals(counts, sums, profile, hidden, shown_before, most) -> np.ndarray:
    """Withhold totals, smallest first, from which a rounded table would give a count away."""

    def totals_of(cells: set[int]) -> set[int]:
        at = sums[:, sorted(cells)].tocoo()
        lines = sums[np.unique(at.row[at.data > 0])]
        return set(lines.indices[lines.data < 0].tolist())

    hidden = hidden.copy()
    while narrow := audited(counts, hidden, sums, profile, most):
        just_now: set[int] = set()
        for cell in narrow:
            above = {cell}
            while above := totals_of(above):  # and theirs, where these are withheld
                if above & just_now:
                    break
                free = [one for one in above if not hidden[one] and not shown_before[one]]
                if free:
                    just_now.add(min(free, key=lambda one: counts[one]))
                    break
            else:
                raise _unprotected(counts, cell)
        hidden[list(just_now)] = True
    return hidden


def _exactly(counts, sums, profile, hidden, may, most) -> np.ndarray | None:
    """The fewest cells, or None when that takes too long; withheld ones are all protected."""
    wanted = np.flatnonzero(hidden)
    for _ in range(PASSES):
        found = _fewest(counts, sums, profile, hidden, may, wanted, most)
        narrow = {} if found is None else audited(counts, found, sums, profile, most)
        if not narrow:
            return found
        wanted = np.union1d(wanted, list(narrow))
    return None


def _fewest(counts, sums, profile, hidden, may, wanted, most) -> np.ndarray | None:
    """Fewest cells to withhold so that each of `wanted`, if withheld, can move by the width.

    For each of them there are two ways in which all counts could be other than they are, one higher
    and one lower in that cell; only withheld cells can differ.
    """
    free = np.flatnonzero(hidden | may)
    n, width, blocks = len(free), profile.width, 2 * len(wanted)
    matrix = sums[:, free]
    matrix = matrix[np.diff(matrix.indptr) > 0]
    fall = np.minimum(counts[free] - 1, 2 * width)
    rise = np.minimum(most[free] - counts[free], 2 * width)
    at = np.searchsorted(free, wanted)
    first = np.arange(0, blocks, 2) * n + at  # where each wanted cell is higher; it is lower n on
    rows = np.arange(len(wanted))
    asked = sparse.csr_array((np.full(len(at), -width), (rows, at)), (len(at), n))
    moved = (np.tile(rows, 2), np.concatenate([first, first + n]))
    apart = sparse.csr_array((np.repeat([1.0, -1.0], len(at)), moved), (len(at), n * blocks))
    each, every = np.ones((blocks, 1)), sparse.eye_array(n * blocks)
    zero = sparse.csr_array((blocks * matrix.shape[0], n))
    system = sparse.block_array(
        [
            [zero, sparse.kron(sparse.eye_array(blocks), matrix)],
            [sparse.kron(each, sparse.diags_array(fall)), every],
            [sparse.kron(each, sparse.diags_array(rise)), -every],
            [asked, apart],
        ],
        format="csr",
    )
    upper = np.full(system.shape[0], np.inf)
    upper[: zero.shape[0]] = 0.0
    reach = np.full(n * blocks, 2 * width)
    found = milp(
        np.concatenate([1 + 1e-4 * np.argsort(np.argsort(counts[free])) / n, np.zeros(n * blocks)]),
        integrality=np.repeat([1, 0], [n, n * blocks]),
        bounds=Bounds(np.append(hidden[free].astype(float), -reach), np.append(np.ones(n), reach)),
        constraints=LinearConstraint(system, 0, upper),
        options={"time_limit": SECONDS},
    )
    if found.status == 2:
        raise _unprotected(counts, int(wanted[0]))
    if found.status != 0:
        return None
    made = np.zeros(len(counts), dtype=bool)
    made[free[found.x[:n] > 0.5]] = True
    return made


def _greedily(counts, sums, profile, hidden, may, most) -> np.ndarray:
    """Add what moves with each cell that is not safe, until all are; then take back what can be."""
    made = hidden.copy()
    for _ in range(PASSES):
        narrow = audited(counts, made, sums, profile, most)
        if not narrow:
            return _without_spare(counts, sums, profile, hidden, made, most)
        safe: set[int] = set()
        for cell in narrow:
            if cell not in safe:
                moved, by = _moving_with(cell, counts, sums, profile, made, may, most)
                made[moved] = True
                safe |= set(moved[by > profile.width - TOLERANCE].tolist())
    raise _unprotected(counts, next(iter(narrow)))


def _moving_with(cell, counts, sums, profile, made, may, most) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest cells that let `cell` move by the width, up or down, and how far each moves.

    Among the cells near it if they are enough, else among all.
    """
    ready = made | may
    for free in (_near(cell, counts, sums, made, ready), np.flatnonzero(ready)):
        ways = (_cheapest_move(cell, up, free, counts, sums, profile, made, most) for up in (1, 0))
        moves = list(islice(filter(None, ways), 1 if len(counts) > LARGE else 2))
        if moves:
            return min(moves, key=lambda move: move[0])[1:]
    raise _unprotected(counts, cell)


def _near(cell, counts, sums, made, ready) -> np.ndarray:
    """Cells in sums with `cell`, withheld and smaller ones first, and where such sums cross."""
    chosen = {cell}
    for line in sums[:, [cell]].nonzero()[0]:
        mates = sums.indices[sums.indptr[line] : sums.indptr[line + 1]]
        mates = mates[ready[mates]]
        order = np.lexsort((counts[mates], ~made[mates]))
        chosen |= set(mates[order[:NEAR]].tolist())
    touched = np.zeros(len(counts))
    touched[list(chosen)] = 1.0
    lines = (abs(sums) @ touched > 0).astype(float)
    crossing = (abs(sums).T @ lines > 1) & ready
    crossing[list(chosen)] = True
    return np.flatnonzero(crossing)


def _cheapest_move(cell, up, free, counts, sums, profile, made, most):
    """What it costs to move `cell` by the width, which cells move, and how far; or None."""
    width, at = profile.width, int(np.flatnonzero(free == cell)[0])
    rise = np.minimum(most[free] - counts[free], width)
    fall = np.minimum(counts[free] - 1, width)
    if (rise if up else fall)[at] < width:
        return None
    matrix = sums[:, free]
    matrix = matrix[np.diff(matrix.indptr) > 0]
    cost = np.where(made[free], 1e-3, 1 + 0.005 * np.log1p(counts[free]))
    low, high = np.zeros(2 * len(free)), np.concatenate([rise, fall])
    low[at if up else len(free) + at] = width
    high[len(free) + at if up else at] = 0.0
    found = linprog(
        np.concatenate([cost, cost]),
        A_eq=sparse.hstack([matrix, -matrix]),
        b_eq=np.zeros(matrix.shape[0]),
        bounds=np.column_stack([low, high]),
        method="highs",
    )
    if not found.success:
        return None
    by = np.abs(found.x[: len(free)] - found.x[len(free) :])
    return found.fun, free[by > TOLERANCE], by[by > TOLERANCE]


def _without_spare(counts, sums, profile, hidden, made, most) -> np.ndarray:
    """Show again, largest first, each added cell that is not needed."""
    if len(counts) > LARGE:
        return made
    added = np.flatnonzero(made & ~hidden)
    for cell in added[np.argsort(-counts[added], kind="stable")].tolist():
        tried = made.copy()
        tried[cell] = False
        if not audited(counts, tried, sums, profile, most):
            made = tried
    return made


def _unprotected(counts: np.ndarray, cell: int) -> DisclosureError:
    return DisclosureError(
        f"A small count (cell {cell + 1} of {len(counts)}) can be worked out from the totals "
        "whatever else is withheld. Leave out a total, or join rows or columns."
    )


def protect_table(table: pd.DataFrame, *, profile: str) -> pd.DataFrame:
    """A table of counts as it may be printed with totals: text, withheld cells as ``*``.

    Parameters
    ----------
    table : DataFrame of counts, without totals.
    profile : name of a rule; see `profiles.find_profile`. Where it rounds, totals are those of the
        true counts, rounded, so rows need not add up.

    Raises
    ------
    DisclosureError
        There is no such rule, or a small count follows from the totals whatever is withheld.
    """
    rule = find_profile(profile)
    full, sums = with_margins(table.to_numpy(float))
    hidden = withhold(full, sum_matrix(len(full), sums), rule)
    text = np.where(hidden, MARK, rule.rounded(full).astype(int).astype(str))
    shape = (len(table) + 1, len(table.columns) + 1)
    return pd.DataFrame(
        text.reshape(shape), index=[*table.index, "Total"], columns=[*table.columns, "Total"]
    ).rename_axis(table.index.name)
