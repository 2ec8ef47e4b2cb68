"""The level of a line, and of the lines that belong to it."""

from __future__ import annotations

import pytest

from b4r_tui.runs.logs.levels import Level, LevelReader, level_of

CRASH = """\
2026-01-01 12:00:00,123 INFO loop: fine
2026-01-01 12:00:01,123 ERROR loop: it broke
Traceback (most recent call last):
  File "train.py", line 88, in step
    go()

ValueError: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 90, in step
RuntimeError: second
all is well again
[rank1]: Traceback (most recent call last):
[rank1]:   File "x.py", line 1, in <module>
[rank1]: torch.OutOfMemoryError: CUDA out of memory
x.py:3: UserWarning: careful
  warnings.warn("careful")
and on"""


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("W1125 10:00:00.123000 4711 torch/distributed/run.py:793] threads", Level.WARNING),
        ("E1125 10:00:00.123000 4711 api.py:874] failed (exitcode: 1)", Level.ERROR),
        ("[W1125 10:00:00.123 ProcessGroup.cpp:1] Warning: destroy", Level.WARNING),
        ("I1125 10:00:00.123000 api.py:1] ERROR codes follow", Level.INFO),
        ("WARNING:root:slow", Level.WARNING),
        ("2026-01-01 12:00:00,123 ERROR loop: no", Level.ERROR),
        ("[2026-01-01 12:00:00,123][DEBUG][loop] x", Level.DEBUG),
        ("host:12:34 [0] NCCL WARN call failed", Level.WARNING),
        ("host:12:34 [0] NCCL INFO ERROR handling is on", Level.INFO),
        ("CRITICAL: disk", Level.CRITICAL),
        ("error: bad option", Level.ERROR),
        ('{"level": "error", "message": "x"}', Level.ERROR),
        ("time=1 level=warn msg=x", Level.WARNING),
        ("/lib/x.py:12: FutureWarning: gone soon", Level.WARNING),
        ("Fatal Python error: Segmentation fault", Level.ERROR),
        ("KeyboardInterrupt", Level.ERROR),
        ("epoch 3: loss 4.2", Level.INFO),
        ("no errors were found, 0 warnings", Level.INFO),
        ("", Level.INFO),
    ],
)
def test_common_formats_say_their_level(line: str, level: Level) -> None:
    assert level_of(line) == level


def test_a_traceback_belongs_to_its_error_with_those_chained_to_it() -> None:
    reader = LevelReader()
    read = [reader.read(line) for line in CRASH.splitlines()]
    levels = [level.name[0] for level, _ in read]
    assert "".join(levels) == "I" + "E" * 12 + "I" + "EEE" + "WW" + "I"
    heads = [number for number, (level, is_head) in enumerate(read) if is_head and level >= Level.ERROR]
    assert heads == [1, 14]


def test_a_copy_reads_on_alone() -> None:
    reader = LevelReader()
    reader.read("ERROR: x")
    reader.copy().read("fine")
    assert reader.read("  more of it") == (Level.ERROR, False)
