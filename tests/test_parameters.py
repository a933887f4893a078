"""Parameters are declared once, with types, and checked before anything starts."""

import pytest

from lsp_analysis.errors import ParameterError, ReportError
from lsp_analysis.reports.job.template import check_parameters, declared_parameters

CELL = """
# What the report is about.
study: str = "data"  # study folder
start: str = "2008-04"  # first month = the start
top: int = 3
share: float = 0.5  # of all
quiet: bool = False
themes: list[str] = [
    "health",  # the first
]
plain = "text"
"""


@pytest.fixture
def declared():
    return declared_parameters(CELL, "small")


def test_names_types_defaults_and_help_are_read_from_the_cell(declared):
    assert {name: p.kind for name, p in declared.items()} == {
        "study": "str",
        "start": "str",
        "top": "int",
        "share": "float",
        "quiet": "bool",
        "themes": "list[str]",
        "plain": "str",
    }
    assert declared["themes"].default == ["health"]
    assert declared["start"].help == "first month = the start"


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("start", "007", "007"),
        ("start", "", ""),
        ("top", "12", 12),
        ("top", 4, 4),
        ("share", "1e-2", 0.01),
        ("share", 2, 2.0),
        ("quiet", "yes", True),
        ("quiet", "False", False),
        ("themes", "a, b", ["a", "b"]),
        ("themes", '["a, b", "c"]', ["a, b", "c"]),
        ("themes", "", []),
    ],
)
def test_text_becomes_what_the_parameter_is(declared, name, given, value):
    checked = check_parameters({name: given}, declared, "small")
    assert checked == {name: value}
    assert type(checked[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("start", 7),
        ("start", "\udcff"),
        ("top", "1.5"),
        ("top", True),
        ("share", "nan"),
        ("share", "much"),
        ("quiet", "perhaps"),
        ("themes", "[1, 2]"),
        ("themes", "[broken"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(declared, name, given):
    with pytest.raises(ParameterError, match=f"parameter {name} of small is"):
        check_parameters({name: given}, declared, "small")


def test_a_misspelt_name_is_refused_with_the_nearest_one(declared):
    with pytest.raises(ParameterError, match='Did you mean "start"'):
        check_parameters({"stat": "2009-04"}, declared, "small")


@pytest.mark.parametrize("name", ["x\nimport os", "start; import os", "import", "stärt", ""])
def test_a_name_is_never_code(declared, name):
    with pytest.raises(ParameterError, match="has no parameter"):
        check_parameters({name: "1"}, declared, "small")


@pytest.mark.parametrize("name", ["study", "area"])
def test_what_the_command_sets_cannot_be_set_twice(declared, name):
    with pytest.raises(ParameterError, match="set by the command"):
        check_parameters({name: "elsewhere"}, declared, "small")


@pytest.mark.parametrize(
    "cell",
    [
        "start = date.today()",
        "a, b = 1, 2",
        "import os",
        "start: str",
        "when: pd.Period = '2008'",
        "missing = None",
        "broken = (",
        "x += 1",
    ],
)
def test_a_cell_that_declares_no_plain_parameters_is_refused(cell):
    with pytest.raises(ReportError, match="parameters cell of small"):
        declared_parameters(cell, "small")
