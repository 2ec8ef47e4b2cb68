"""The schema editors use is made from the one definition of the settings."""

from __future__ import annotations

import json

from b4r_tui.commands.main import main


def test_schema_knows_every_group_and_closes_them(capsys) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    experiment = schema["properties"]["experiments"]["additionalProperties"]
    groups = {"data", "model", "training", "evaluation", "launch"}
    assert set(experiment["properties"]) == groups | {"description", "extends", "sweep"}
    assert experiment["additionalProperties"] is False
    model = schema["definitions"]["ModelConfig"]
    assert model["additionalProperties"] is False
    assert "heads" in model["properties"]["nhead"]["description"]
