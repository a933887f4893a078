"""Which reports a batch makes: areas, tenths, files of entries, and shards of them."""

import pytest
from report_templates import write_template
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.errors import AreaError, LspError, ParameterError
from lsp_analysis.reports.job.request import JobMaker
from lsp_analysis.reports.job.selection import (
    Entry,
    jobs_of,
    read_batch_file,
    shard_of,
)
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.study.store import Study


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    work = tmp_path_factory.mktemp("selection")
    tables = small_tables()
    rows = tables["deprivation"]
    newest = rows["edition"] == rows["edition"].max()
    tables["deprivation"] = rows.assign(decile=[1 if new else 10 for new in newest])
    return JobMaker(write_small_study(work / "study", tables), out=work / "out")


def test_an_area_named_twice_is_reported_once_and_in_the_order_asked(maker):
    chosen = Entry(["E01000003", "Hall i' th' Wood", "N1"]).areas_in(maker.study)
    assert chosen == ["E01000003", "Hall i' th' Wood"]
    assert Entry(["E01000003"], every_area=True).areas_in(maker.study) == [
        "E01000003",
        *[code for code in LSOAS if code != "E01000003"],
    ]


def test_a_tenth_is_that_of_the_newest_edition(maker):
    assert set(Entry(decile=1).areas_in(maker.study)) <= set(LSOAS)
    with pytest.raises(ParameterError, match="No small area of this study is in decile 10"):
        Entry(decile=10).areas_in(maker.study)


@pytest.mark.parametrize("decile", [0, 11])
def test_a_tenth_there_cannot_be_is_told(maker, decile):
    with pytest.raises(ParameterError, match="from 1, the most deprived"):
        Entry(decile=decile).areas_in(maker.study)


def test_however_many_areas_are_chosen_no_table_is_read_for_each(tmp_path, monkeypatch):
    maker = JobMaker(write_small_study(tmp_path / "study"), out=tmp_path / "out")
    template = load_template(write_template(tmp_path))
    read = []
    plain = Study.read
    monkeypatch.setattr(
        Study,
        "read",
        lambda self, table, *more, **kw: (read.append(table), plain(self, table, *more, **kw))[1],
    )
    for area in 5 * Entry(every_area=True).areas_in(maker.study):
        maker.make(area, template)
    assert len(read) == len(set(read))


def test_asking_for_nothing_and_for_nobody_is_told(maker):
    with pytest.raises(ParameterError, match="No areas are asked for"):
        Entry().areas_in(maker.study)
    with pytest.raises(AreaError, match="Did you mean"):
        Entry(["Hall ith Wod"]).areas_in(maker.study)


def write_batch(tmp_path, text):
    template = write_template(tmp_path)
    path = tmp_path / "batch.yaml"
    path.write_text(text.replace("TEMPLATE", str(template)))
    return path


def test_a_file_mixes_areas_templates_and_parameters_and_keeps_text_as_text(maker, tmp_path):
    path = write_batch(
        tmp_path,
        """
- template: TEMPLATE
  areas: [Hall i' th' Wood, E01000002]
  parameters: {start: 2009-04, indicator: 007, top: 2, themes: [a, "b, c"]}
- template: TEMPLATE
  areas: [N1]
  name: again
""",
    )
    jobs = jobs_of(read_batch_file(path), maker)
    assert [job.name for job in jobs] == [
        "hall-i-th-wood--small",
        "anytown-001b--small",
        "hall-i-th-wood--small--again",
    ]
    assert jobs[0].parameters == {
        "start": "2009-04",
        "indicator": "007",
        "top": 2,
        "themes": ["a", "b, c"],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("areas: [N1]", "is no list of entries"),
        ("- [N1]", "Entry 1 of .* must be object"),
        ("- areas: [N1", "cannot be read"),
        ("- aeras: [N1]", 'Did you mean "areas"'),
        ("- areas: N1", "areas must be array.*areas, a list such as"),
        ("- areas: [[N1]]", "must be string"),
        ("", "is no list of entries"),
        ("[]", "is no list of entries"),
        ("- areas: [N1]\n  areas: [E01000002]", "areas is given twice"),
        ("- {areas: [N1], decile: few}", "decile must match .*from 1 to 10"),
        ("- {areas: [N1], decile: [1]}", "decile must be string"),
        ("- {areas: [N1], all: maybe}", "all must match .*true or false"),
        ("- {areas: [N1], name: [a]}", "name must be string"),
        ("- {areas: [N1], template: {a: b}}", "template must be string"),
        ("- areas: [N1]\n- areas: [Hall ith Wod]", "Entry 2 of .*Did you mean"),
        ("- {areas: [N1], template: report_aera}", 'Entry 1 of .*Did you mean "report_area"'),
        ("- {areas: [N1], parameters: {start: [a]}, template: TEMPLATE}", "start of small is text"),
        ("- {template: TEMPLATE, areas: [N1], parameters: {stat: x}}", 'Did you mean "start"'),
        ("- {template: TEMPLATE, areas: [N1], name: ../x}", "goes into file names"),
        ("- !!python/object/apply:os.system [ls]", "must be object"),
    ],
)
def test_a_mistake_in_a_file_is_told(maker, tmp_path, text, said):
    with pytest.raises(LspError, match=said):
        jobs_of(read_batch_file(write_batch(tmp_path, text)), maker)


def test_two_entries_for_one_report_are_told(maker, tmp_path):
    path = write_batch(tmp_path, "- {template: TEMPLATE, areas: [N1]}\n" * 2)
    with pytest.raises(ParameterError, match="Give one of them a name"):
        jobs_of(read_batch_file(path), maker)


def test_shards_share_nothing_and_are_all_together(maker, tmp_path):
    entry = f"- {{template: TEMPLATE, areas: [N1, {', '.join(LSOAS)}]}}"
    jobs = jobs_of(read_batch_file(write_batch(tmp_path, entry)), maker)
    parts = [{job.name for job in shard_of(jobs[::-1], f"{i}/3")} for i in (1, 2, 3)]
    assert set.union(*parts) == {job.name for job in jobs}
    assert sum(map(len, parts)) == len(jobs)
    assert shard_of(jobs, "") == jobs


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1/0", "one/two", "1", "-1/3"])
def test_a_shard_there_cannot_be_is_told(shard):
    with pytest.raises(ParameterError, match="A shard is i/n"):
        shard_of([], shard)
