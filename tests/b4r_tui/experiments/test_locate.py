"""Finding the line of a key."""

from __future__ import annotations

from b4r_tui.experiments.locate import line_of, lines_of

TEXT = """\
a."b c".d = 1
[x.y]
z = {q = 1, w.e = [1, # one
  {k = 2}]}

[[list]]
k = 1
[[list]]
"k" = 2
"""


def test_every_way_to_write_a_key_is_found() -> None:
    lines = lines_of(TEXT)
    assert lines[("a", "b c", "d")] == 1
    assert lines[("x", "y")] == 2
    assert lines[("x", "y", "z", "q")] == 3
    assert lines[("x", "y", "z", "w", "e", 1, "k")] == 4
    assert lines[("list", 0, "k")] == 7
    assert lines[("list", 1, "k")] == 9


def test_a_comment_behind_a_value_hides_nothing_in_it() -> None:
    lines = lines_of('x = { a = { b = 1 } } # why\ny."q\\"d" = [ # one\n  {k = 2}, # two\n]\n')
    assert lines[("x", "a", "b")] == 1
    assert lines[("y", 'q"d', 0, "k")] == 3


def test_a_key_that_is_not_written_lies_at_its_nearest_parent() -> None:
    lines = lines_of(TEXT)
    assert line_of(lines, ("x", "y", "missing", "deep")) == 2
    assert line_of(lines, ("nothing",)) is None
