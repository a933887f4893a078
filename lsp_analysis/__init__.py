"""Compare a neighbourhood with its borough, and measure what a programme did there.

A study is a folder of tables: areas, indicators and their values over time. One ships with the
package, so this can be typed into an empty notebook, a line to a cell::

    from lsp_analysis import area_brief, compare, estimate, gap, open_study

    study = open_study("bolton_demo")                # what it holds, and what is missing
    place = study.area("Hall i' th' Wood")           # its map, its people, what it is made of
    compare(place, "burglary")                       # beside the rest of the borough
    gap(place, "burglary")                           # whether that difference is closing
    question = study.question("antisocial_behaviour", place, start="2008-04")
    estimate(question)                               # what changed there when a programme began

Each result, as the last line of a cell, shows a sentence, a picture and a table. All have
``.sentence()``, ``.plot()`` and ``.summary_frame()``. An area or an indicator can be given by its
code or its name, and a date as "2008-04", "2008Q2" or 2008.

Where to find more
------------------
``standing``     where are we at? Comparisons, gaps, trends, maps, inequality, agencies.
``effects``      what works? Differences in differences, synthetic controls, roll-outs, checks.
``experiments``  what to do differently: designs, power, draws, analysis, the register.
``study``        the study folder: open, check, write, add a table.
``figures``      charts and maps in the house style.
``sources``      publishers' files turned into a study.

``dir(lsp_analysis.standing)`` lists the functions of a part, and ``help(gap)`` explains one.
`lsp-analysis --help` lists the commands: `lsp-analysis report bolton_demo --area E01004802` makes
the page of an area, and `lsp-analysis notebooks FOLDER` copies ten notebooks to start from.
"""

import lazy_loader

__version__ = "0.1.0"

_HOME = {
    "Study": "study.store",
    "open_study": "study.store",
    "Question": "study.question",
    "show": "figures.style",
    "table": "figures.tables",
    "if_possible": "showing",
    "pick": "picker",
    "area_brief": "standing.place.brief",
    "estimate": "effects.one_area.single_area",
    "compare": "standing.answers",
    "gap": "standing.answers",
    "programme_in": "effects.outcomes.programme",
    "programme_effects": "effects.outcomes.programme_page",
    "edition_story": "effects.outcomes.editions",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=("effects", "experiments", "figures", "sources", "standing", "study"),
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
