"""Start a study: every table with example rows, and a README that explains each column."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import StudyError
from lsp_analysis.study import schema
from lsp_analysis.study.add.adding import Added, add_table
from lsp_analysis.study.write import write_study

__all__ = ["Added", "add_table", "new_study"]

README = "README.md"

# Rows that show the form of each table. The place is invented, and so are the numbers.
EXAMPLES = {
    "areas": """
area_code,area_name,area_type,code_vintage,borough_code,is_pilot
X01000001,Exampleton 001A,lsoa,2011,X08000001,true
X01000002,Exampleton 001B,lsoa,2011,X08000001,false
X01000003,Exampleton 001C,lsoa,2011,X08000001,false
X01000004,Exampleton 001D,lsoa,2011,X08000001,false
X02000001,Exampleton North,msoa,2011,X08000001,false
X09000001,Mill Estate,neighbourhood,2011,X08000001,true
X08000001,Exampleton,borough,2011,,false
""",
    "indicators": """
indicator_id,name,definition,unit,value_type,multiplier,polarity,aim,theme,source
smoking,Adults who smoke,Share of adults asked,percent,proportion,100,low_is_good,gap,Healthy,Survey
burglary,Burglary,Recorded burglaries,per_1000,rate,1000,low_is_good,both,Safe,Police
""",
    "observations": """
indicator_id,area_code,period_start,period_end,numerator,denominator,note
smoking,X01000001,2006-04-01,2007-03-31,410,1000,
smoking,X01000002,2006-04-01,2007-03-31,290,1000,
smoking,X01000003,2006-04-01,2007-03-31,250,1000,
smoking,X01000004,2006-04-01,2007-03-31,,,suppressed
smoking,X01000001,2007-04-01,2008-03-31,400,1000,
smoking,X01000002,2007-04-01,2008-03-31,285,1000,
smoking,X01000003,2007-04-01,2008-03-31,240,1000,
smoking,X01000004,2007-04-01,2008-03-31,220,1000,
burglary,X01000001,2008-01-01,2008-01-31,6,1500,
burglary,X01000002,2008-01-01,2008-01-31,3,1500,
burglary,X01000003,2008-01-01,2008-01-31,2,1500,
burglary,X01000004,2008-01-01,2008-01-31,0,1500,
""",
    "deprivation": """
area_code,code_vintage,edition,rank,score,decile,data_year
X01000001,2011,2007,674,62.5,1,2005
X01000002,2011,2007,2148,50.8,1,2005
X01000003,2011,2007,9000,28.4,3,2005
X01000004,2011,2007,18000,16.2,6,2005
""",
    "area_members": """
area_code,member_code,code_vintage,weight
X02000001,X01000001,2011,1
X02000001,X01000002,2011,1
X02000001,X01000003,2011,1
X02000001,X01000004,2011,1
X09000001,X01000001,2011,1
""",
    "code_lookup": """
from_code,to_code,from_vintage,to_vintage,change,weight
X01000001,X01000001,2001,2011,U,1
X01000002,X01000002,2001,2011,U,1
X01000009,X01000003,2001,2011,S,0.5
X01000009,X01000004,2001,2011,S,0.5
""",
    "populations": """
area_code,period,sex,age_band,population
X01000001,2008,female,15-19,52
X01000001,2008,male,15-19,55
""",
    "plan": """
measure_id,indicator_id,aim,theme,in_laa,baseline_period,baseline,target,stretch_target,due,lead_agency
H1,smoking,gap,Healthy,true,2006/07,29,25,24,2010/11,Primary Care Trust
""",
    "events": """
event_id,area_code,date,kind,label,intervention_id
E1,X01000001,2008-04-01,start,Pilot begins,pilot
""",
    "interventions": """
intervention_id,name,area_code,start,end,agency,theme,kind,cost_gbp,people_reached
pilot,Neighbourhood pilot,X09000001,2008-04-01,,Council,Healthy,outreach,50000,300
""",
    "resources": """
resource_id,stream,theme,agency,area_code,period,amount_gbp
R1,Area Based Grant,Healthy,Primary Care Trust,,2008/09,120000
""",
    "assets": """
asset_id,name,kind,services,opened,x,y
A1,Mill Access Point,access point,library; nurse,2007-09-03,370000,410000
""",
    "sharing": """
table,owner_agency,recipients,purpose,basis,min_cell,expires,may_publish
observations,Council,Partnership team,the plan's reports,sharing agreement,5,2012-03-31,false
""",
}


def new_study(
    path: str | Path, *, name: str = "my-study", title: str = "A study of our borough"
) -> Path:
    """Write a study with example rows in every table, to be replaced, and a README on its columns.

    It passes the check as it is. Hashes are not recorded, for its files are to be edited by hand.

    Parameters
    ----------
    path : folder to write; it must not exist, or be empty.
    name, title : short name (lower case, no spaces), and title for people.

    Raises
    ------
    StudyError
        There is something at `path` already, or it cannot be written.
    """
    folder = durable.settled(path, StudyError)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(f"There is something at {folder} already. Choose a new folder.")
    return write_study(
        folder,
        {table: example(table) for table in EXAMPLES},
        about={"name": name, "title": title, "lsp:simulated": False},
        extra_files={README: readme(title)},
        record_hashes=False,
    )


def example(table: str) -> pd.DataFrame:
    """Example rows of one table."""
    text = EXAMPLES[table].strip()
    columns = schema.TABLES[table].columns
    texts = {column.name: "str" for column in columns if column.type == "string"}
    return pd.read_csv(io.StringIO(text), dtype=texts)


def readme(title: str) -> str:
    """What each table and column of a study is for, as Markdown, from the schema."""
    lines = [
        f"# {title}",
        "",
        "The rows in these tables are examples of an invented place. Replace them with your own,",
        "then run `lsp-analysis check` on this folder: it lists everything that is wrong, with the",
        "file, the row, the column and what to do.",
        "",
        "- Save tables as CSV UTF-8. Keep codes and periods in columns formatted as text.",
        "- A missing number is a blank cell, and `note` says why: suppressed, not available ...",
        "- Only areas, indicators and observations are required. To leave another table out,",
        "  delete its file and its entry in `datapackage.json`.",
        "- Boundaries go into `geometry.geojson` (area_code and polygons, EPSG:27700), with an",
        '  entry `{"name": "geometry", "path": "geometry.geojson"}` in `datapackage.json`.',
        "- `lsp-analysis add` takes a table of your own (code, period, numerator, denominator) in.",
    ]
    for table in schema.TABLES.values():
        lines += ["", f"## {table.name}", "", f"{table.about[0].upper()}{table.about[1:]}.", ""]
        lines += ["| column | holds | must be there |", "|---|---|---|"]
        lines += [_describe(column) for column in table.columns]
        lines += ["", f"One row for each {' + '.join(table.key)}."]
    return "\n".join([*lines, ""])


def _describe(column: schema.Column) -> str:
    words = column.allowed or column.suggested
    about = f"{column.about}: {', '.join(words)}" if words else column.about
    must = "yes" if column.required and column.default is None else "no"
    return f"| {column.name} | {about} ({column.type}) | {must} |"
