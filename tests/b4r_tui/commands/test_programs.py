"""The table of actions: what forms become, and in which order results are read."""

import os

import pytest

from b4r_tui.app.program_forms import ACTIONS
from b4r_tui.runs.programs.saved_results import read_results
from engine.contract.errors import B4RError
from tests.b4r_tui.app.program_samples import write

BY_NAME = {action.name: action for action in ACTIONS}


def test_empty_fields_are_left_to_their_defaults():
    recommend = BY_NAME["recommend"]
    assert recommend.arguments({}) == ["-k=10", "--pth=best"]
    assert recommend.arguments({"--user": "1, 2 3", "--pth": " "}) == [
        "--user=1",
        "--user=2",
        "--user=3",
        "-k=10",
    ]
    assert recommend.arguments({"--history": "5,6", "-k": "3"}) == ["--history=5,6", "-k=3", "--pth=best"]


@pytest.mark.parametrize("name", BY_NAME)
def test_every_form_refuses_what_its_command_refuses(name):
    with pytest.raises(B4RError, match="unrecognized arguments: --nonsense"):
        BY_NAME[name].start(None, ["--nonsense"], lambda *_: None)


def test_the_newest_result_and_its_section_come_first(tmp_path):
    for age, name in enumerate(["exports/b.json", "fairness/x/metrics.json", "exports/a.json"]):
        write(tmp_path, name, {"age": age})
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "fairness" / "torn.json").write_text("{")
    os.utime(tmp_path / "fairness" / "torn.json", (900, 900))
    found = read_results(tmp_path, ["fairness", "recommendations", "exports"])
    assert [(one.section, one.content["age"]) for one in found] == [
        ("exports", 0),
        ("exports", 2),
        ("fairness", 1),
    ]
