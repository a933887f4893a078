"""One of everything that commands read and write, in one folder."""

import hashlib
import json
import shutil

import pandas as pd
from report_templates import write_template
from small_experiment import drawn, outcomes_of
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.disclosure.profiles import PLAIN
from lsp_analysis.disclosure.release import release_study
from lsp_analysis.experiments import commands
from lsp_analysis.experiments.protocol.reading import new_experiment
from lsp_analysis.reports.job.manifest import MADE, ReportRecord, append_record
from lsp_analysis.study import open_study
from lsp_analysis.study.write import file_facts


def make_world(top):
    """A study, an experiment, a folder of reports, a template and a table of one's own."""
    write_small_study(top / "study", record_hashes=True)
    with_parquet(write_small_study(top / "packed", record_hashes=True))
    public_pages(top)
    drawn(top / "trial")
    commands.analyse(str(top / "trial"), str(outcomes_of(top / "trial")))
    new_experiment(top / "draft")
    shutil.copy(top / "trial" / "outcomes.csv", top / "draft")
    for name in ("one", "two", "three"):
        put_on_record(top / "out", name, top / "study")
    write_template(top)
    rows = [f"{code},2008-{month:02d},{month},1000" for code in LSOAS for month in range(1, 4)]
    text = "\n".join(["code,month,count,population", *rows, ""])
    (top / "table.csv").write_text(text, encoding="utf-8")
    pd.read_csv(top / "table.csv").to_excel(top / "table.xlsx", index=False)
    entries = "- areas: [N1]\n  parameters: {level: 0.9}\n- all: yes\n  name: later\n"
    (top / "batch.yaml").write_text(entries, encoding="utf-8")
    return top


def with_parquet(study):
    """Keep the observations and the boundaries of a study as Parquet."""
    file = study / "datapackage.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    opened = open_study(study)
    kept = {"observations": opened.read("observations"), "geometry": opened.geometry()}
    for resource in content["resources"]:
        if resource["name"] in kept:
            (study / resource["path"]).unlink()
            resource |= {"path": f"{resource['name']}.parquet", "format": "parquet"}
            kept[resource["name"]].to_parquet(study / resource["path"])
            resource |= file_facts(study / resource["path"])
    file.write_text(json.dumps(content), encoding="utf-8")


def public_pages(top):
    """A folder of pages for the public: the protected copy, a page and its line on record."""
    tables = small_tables()
    tables["indicators"]["disclosure_profile"] = ["ons_5", "open", "open"]
    names = [name for name in tables if name not in PLAIN]
    tables["sharing"] = pd.DataFrame({"table": names}).assign(may_publish=True)
    write_small_study(top / "full", tables)
    out = top / "public"
    release_study(open_study(top / "full"), out, "public")
    put_on_record(out, "one", top / "full")


def put_on_record(out, name, study):
    """A page, and its line in the manifest."""
    page = out / name / f"{name}.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<p>{name}</p>", encoding="utf-8")
    files = {f"{name}/{page.name}": hashlib.sha256(page.read_bytes()).hexdigest()}
    record = ReportRecord(out, name, MADE, "E1", name, "LSOA", "small", key="k", files=files)
    append_record(record, {"name": "anytown", "path": str(study), "digest": "d"})
