"""What lasts in the made-up borough: deprivation, residents, each area's own levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from demo.graph import AreaGraph
from demo.measures import MEASURES, PRIMARY
from demo.people import denominators, draw_residents

PILOT = "E01004802"
SEED = 20
# How deprived the pilot's area is, and how far its own level of the primary outcome lies beyond
# what that explains, in standard deviations: bad, and not the worst.
PILOT_DEPRIVATION, PILOT_OWN = 1.6, 0.9


@dataclass(frozen=True)
class Place:
    """What does not change when the noise is drawn again."""

    graph: AreaGraph
    deprivation: np.ndarray
    residents: np.ndarray
    bases: dict[str, np.ndarray]
    own_levels: dict[str, np.ndarray]

    @cached_property
    def pilot(self) -> int:
        """Position of the pilot's area."""
        return self.graph.codes.index(PILOT)

    @property
    def next_door(self) -> np.ndarray:
        """Positions of the areas that touch it."""
        return np.flatnonzero(self.graph.matrix[self.pilot])


def draw_place(graph: AreaGraph) -> Place:
    """Deprivation, residents and lasting levels, alike among neighbours."""
    rng = np.random.default_rng(SEED)
    pilot = graph.codes.index(PILOT)
    deprivation = held_at(graph.spread(0.6), pilot, PILOT_DEPRIVATION, rng)
    residents = draw_residents(rng, deprivation)
    bases = denominators(rng, residents)
    own_levels = {}
    for measure in MEASURES:
        at = PILOT_OWN if measure.indicator_id == PRIMARY else None
        own_levels[measure.indicator_id] = held_at(graph.spread(measure.spatial), pilot, at, rng)
    return Place(graph, deprivation, residents, bases, own_levels)


def held_at(
    spread: np.ndarray, position: int, value: float | None, rng: np.random.Generator
) -> np.ndarray:
    """Noise alike among neighbours, given that it is `value` at `position` (None: left free).

    The conditional draw of a Gaussian field: the rest moves by its covariance with that place.
    """
    drawn = spread @ rng.standard_normal(len(spread))
    if value is None:
        return drawn
    covariance = spread @ spread[position]
    return drawn + covariance / covariance[position] * (value - drawn[position])
