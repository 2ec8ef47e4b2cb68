"""Invalid settings are reported at their key, with the fix."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.contract.config.experiment import Experiment
from engine.contract.config.validation import Problem, problems_of

DATASETS = "ml-100k, ml-1m, ml-20m, lt, csv, random, synthetic"
NAME = "use up to 100 letters, digits, '.', '_' or '-', not starting with a dot"


@pytest.mark.parametrize(
    ("settings", "key", "sentence"),
    [
        (
            {"data": {"dataset_name": "ml-1mm"}},
            "data.dataset_name",
            f"'ml-1mm' is not valid; did you mean ml-1m? One of: {DATASETS}",
        ),
        ({"launch": {"mode": "fsdp"}}, "launch.mode", "'fsdp' is not valid; use ddp or dmp"),
        ({"launch": {"j": "two"}}, "launch.j", "launch.j must be NODESxPROCESSES, e.g. 1x2"),
        (
            {"model": {"emb_dim": 32, "nhead": 3}},
            "model.nhead",
            "emb_dim (32) must be divisible by nhead (3)",
        ),
        ({"model": {"emb_dm": 32}}, "model.emb_dm", "unknown key; did you mean 'emb_dim'?"),
        # braces are no placeholders of the message
        ({"name": "{key}"}, "name", f"invalid experiment name '{{key}}'; {NAME}"),
    ],
)
def test_a_problem_has_a_key_and_a_sentence(settings: dict[str, Any], key: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Experiment.model_validate({"name": "a", "data": {"dataset_name": "synthetic"}, **settings})
    assert problems_of(caught.value, Experiment) == [Problem(key, sentence)]
