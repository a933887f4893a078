"""How the demo study's numbers may be shown: small-number rules and sharing agreements."""

from __future__ import annotations

import pandas as pd

# Health counts by NHS England's rule, pupils and young people as the council publishes them, a
# survey as its research environment releases it; crimes, claims and rounds are published already.
DISCLOSURE_PROFILES = {
    "emergency_admissions": "nhs",
    "deaths": "nhs",
    "smoking_quits": "nhs",
    "gcse_five_good": "ons_5",
    "neet": "ons_5",
    "jobseekers": "open",
    "child_poverty": "open",
    "antisocial_behaviour": "open",
    "burglary": "open",
    "fly_tipping": "open",
    "recycling": "ons_3",
    "influence": "tre_10",
}


def sharing_table() -> pd.DataFrame:
    """Made-up agreements, as a partnership would register them; those without a last day stay."""
    rows = [
        ("observations", "Police;Primary Care Trust;Council", "Lead Agencies Group", 1, "", True),
        ("populations", "Office for National Statistics", "all partners", 1, "", True),
        ("deprivation", "Communities and Local Government", "all partners", 1, "", True),
        ("plan", "Council", "all partners", 1, "", True),
        ("events", "Council", "all partners", 1, "", True),
        ("interventions", "Council", "Lead Agencies Group;University", 5, "", True),
        ("assets", "Council", "all partners", 1, "", True),
        ("resources", "Council", "Lead Agencies Group", 1, "2012-12-31", False),
    ]
    columns = ["table", "owner_agency", "recipients", "min_cell", "expires", "may_publish"]
    return pd.DataFrame(rows, columns=columns).assign(
        expires=lambda table: table["expires"].replace("", None),
        purpose="to plan and evaluate neighbourhood programmes",
        basis="simulated data: no personal information",
    )
