"""In which order the results of programs are read."""

import os

from b4r_tui.runs.programs.saved_results import read_results
from tests.b4r_tui.app.program_samples import write


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
