"""A design to fill in: ``lsp-analysis design new FOLDER`` writes it, with example units."""

from __future__ import annotations

from pathlib import Path

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.protocol import reading as protocol

DESIGN = """\
# The design of one experiment. Replace what stands here, then freeze it:
#   lsp-analysis design register FOLDER
# Every field is checked; what is left out has a default. Later changes are amendments.

title = "Do evening wardens reduce anti-social behaviour?"
question = "If wardens walk the estate on four evenings a week, is there less trouble?"
unit = "small area"
round = 1

[[arms]]                        # the control first
name = "usual"
label = "Usual services"
role = "control"

[[arms]]
name = "wardens"
label = "Evening wardens"
role = "active"
[arms.tidier]                   # the items of TIDieR: tidierguide.org
why = "Trouble comes where nobody is about; being seen and known prevents it."
materials = "Jackets with the council's crest; a telephone number on every lamp post."
procedures = "Two wardens walk a fixed round, talk with residents, report what is broken."
who = "Wardens with two weeks' training, led by one sergeant."
how = "Face to face, in pairs."
where = "All streets of the small area."
dose = "Four evenings a week, 18:00 to 22:00, for twelve months."
tailoring = "The round may change with what residents say; hours may not."
fidelity = "GPS of the round against plan, each week."

[outcome]                       # the one primary outcome
name = "incidents"
label = "anti-social behaviour"
unit = "per_1000"
polarity = "low_is_good"
measured = "Incidents recorded by the police in the twelve months from the start."
denominator = "residents"       # incidents / residents x multiplier
multiplier = 1000.0
baseline = "rate_before"        # column of units.csv

[estimand]
population = "Small areas among the most deprived tenth of the borough."
contrast = "Wardens offered, against usual services, whatever was then delivered."
summary = "clusters"            # the mean over small areas; "people" weighs them by residents
other_events = "Areas stay in the arm they were drawn into; residents who move are not followed."

[randomisation]
method = "blocked"              # simple, complete, blocked, pairs, constrained or wedge
units = "units.csv"
unit = "unit"
strata = ["district"]

[analysis]
covariates = ["rate_before"]    # columns of units.csv to adjust for
level = 0.95
draws = 9999
models = ["ols"]                # beside the randomisation test: ols, glm, gee, mixed
subgroups = []

[stopping]
benefit = "Not before the end."
harm = "If residents are hurt, at once."
futility = "Not before the end."

[decision]
worth_having = 5.0              # in the outcome's unit: incidents per 1,000 residents a year
would_change = "A fall by 5 or more extends wardens to the next ten areas; less ends them."
decides = "The partnership's lead agencies."

[harms]
expected = "Trouble moves next door; residents feel watched."
watched = []
reported_to = "The community safety officer, within two days."
"""

UNITS = """\
unit,district,rate_before,residents
area-01,north,61.2,1510
area-02,north,55.0,1420
area-03,north,48.7,1605
area-04,north,70.3,1480
area-05,north,57.5,1370
area-06,north,63.9,1530
area-07,south,52.9,1390
area-08,south,66.1,1550
area-09,south,44.8,1720
area-10,south,58.4,1460
area-11,south,50.6,1580
area-12,south,68.0,1440
"""


def new_experiment(folder: str | Path) -> Path:
    """Write an example design and its units into `folder`, which must have none yet."""
    folder = Path(folder)
    file = folder / protocol.FILE
    if file.exists():
        raise DesignError(f"{file} is there already. Edit it, or choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(DESIGN, encoding="utf-8", newline="\n")
    (folder / "units.csv").write_text(UNITS, encoding="utf-8", newline="\n")
    return folder
