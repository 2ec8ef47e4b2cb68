"""Editing the text of an experiments file keeps it valid and everything else unchanged."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import tomli
from hypothesis import example, given, settings
from hypothesis import strategies as st

from b4r_tui.experiments.editing import tables as tables_of
from b4r_tui.experiments.editing.document import Document
from b4r_tui.experiments.editing.keys import set_key, to_toml, unset_key
from b4r_tui.experiments.toml_lines import toml_lines
from engine.contract.errors import B4RError

TEXT = """\
# banner

[defaults.training]  # for all
lr = 1e-3   # as Adam likes it

# the base
[experiments.base]
description = "a # b"
launch.mode = "ddp" # mode
launch.j = "1x2"
# below the base

# loose

[experiments.base.model] # sizes
  emb_dim = 64 # wide
[experiments.heir]
extends = "base" # parent
data = { dataset_name = "random", seed = 3 } # inline
sweep."training.lr" = [
  1e-3, # first
  3e-4,
]
[experiments."odd name".launch.env] # quoted
"A B" = "1"
# the end"""

KEYS = {
    "training.lr": st.floats(1e-6, 1.0),
    "training.num_epochs": st.integers(1, 99),
    "training.early_stopping.patience": st.integers(1, 9),
    "model.emb_dim": st.sampled_from([32, 64]),
    "model.tie_output": st.booleans(),
    "launch.mode": st.sampled_from(["ddp", "dmp"]),
    "launch.env": st.dictionaries(st.sampled_from(["A", "B C"]), st.text("x#\"'\\\n", max_size=4)),
    "data.seed": st.integers(0, 9),
    "evaluation.metric_ks": st.lists(st.integers(1, 9), min_size=1, max_size=3),
    "description": st.text(max_size=9).filter(lambda text: "\r" not in text),
}
OWNERS = [("defaults",), *(("experiments", name) for name in ("base", "heir", "odd name"))]
EDIT = st.sampled_from(sorted(KEYS)).flatmap(
    lambda key: st.tuples(st.sampled_from(OWNERS), st.just(key), st.none() | KEYS[key])
)


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in toml_lines(text) if line.lstrip().startswith("#")]


def inner(table: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        table = table.get(part) if isinstance(table, dict) else None
    return table


@settings(max_examples=60)
@given(st.lists(EDIT, min_size=1, max_size=6))
def test_any_edits_keep_the_file_valid_and_every_comment_line(edits: list[Any]) -> None:
    text = TEXT
    for owner, key, value in edits:
        path = (*owner, *key.split("."))
        if owner == ("defaults",) and key == "description":
            continue
        text = unset_key(text, path) if value is None else set_key(text, path, to_toml(value))
        assert inner(tomli.loads(text), path) == (value if value != {} else inner(tomli.loads(text), path))
    assert set(comments(TEXT)) <= set(comments(text))


@settings(max_examples=60)
@given(EDIT)
@example((("experiments", "base"), "description", "\x85"))
@example((("experiments", "base"), "description", "a\u2028b\u2029c\x0b\x0c\x1c"))
def test_setting_a_key_changes_only_its_line(edit: Any) -> None:
    owner, key, value = edit
    path = (*owner, *key.split("."))
    was = inner(tomli.loads(TEXT), path)
    if value is None or isinstance(was, dict) or (owner, key) == (("defaults",), "description"):
        return
    diff = list(difflib.ndiff(toml_lines(TEXT), set_key(TEXT, path, to_toml(value)).splitlines()))
    gone, new = ([line[2:] for line in diff if line.startswith(sign)] for sign in "-+")
    if was is not None:
        assert len(gone) == len(new) <= 1
    else:
        assert [line for line in gone if "data = {" not in line] == []
        assert len([line for line in new if line and not line.startswith("[")]) == 1


@pytest.mark.parametrize("style", ["inline", "dotted", "header", "root"])
@pytest.mark.parametrize("owner", ["base", "new"])
def test_a_key_is_set_and_unset_in_every_notation_of_a_table(style: str, owner: str) -> None:
    text = {
        "inline": 'experiments = { base = { launch = { mode = "ddp" } } } # c\n',
        "dotted": '[experiments.base]\nlaunch.mode = "ddp" # c\n',
        "header": '[experiments.base.launch]\nmode = "ddp" # c\n',
        "root": 'experiments.base.launch.mode = "ddp" # c\n',
    }[style]
    path = ("experiments", owner, "launch", "j")
    new = set_key(set_key(text, path, '"1x2"'), path, '"1x4"')
    assert tomli.loads(new)["experiments"][owner]["launch"]["j"] == "1x4" and "# c" in new
    assert tomli.loads(new)["experiments"]["base"]["launch"]["mode"] == "ddp"
    gone = tomli.loads(unset_key(new, path))["experiments"]
    assert inner(gone, (owner, "launch", "j")) is None and gone["base"] == {"launch": {"mode": "ddp"}}


def test_a_new_group_is_written_like_the_other_groups() -> None:
    headed = set_key("[experiments.a.model]\nemb_dim = 8\n", ("experiments", "a", "data", "seed"), "1")
    assert "[experiments.a.data]\nseed = 1\n" in headed
    assert set_key("[experiments.a]\n", ("experiments", "a", "data", "seed"), "1").endswith("data.seed = 1\n")


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029"])
def test_separators_inside_a_line_survive_a_copy_and_are_escaped_in_new_values(separator: str) -> None:
    text = f'[experiments.a]\ndescription = "x{separator}y" # x{separator}y\n'
    new = tables_of.duplicate(text, "a", "b")
    assert tomli.loads(new)["experiments"]["b"] == {"description": f"x{separator}y"}
    assert new.count(f"# x{separator}y\n") == 2
    assert (
        separator not in to_toml(f"x{separator}y")
        and tomli.loads(f"v = {to_toml(separator)}")["v"] == separator
    )


def test_windows_line_ends_are_kept() -> None:
    new = set_key("[experiments.a]\r\nmodel.emb_dim = 8\r\n", ("experiments", "a", "data", "seed"), "1")
    assert new == "[experiments.a]\r\nmodel.emb_dim = 8\r\ndata.seed = 1\r\n"


def test_a_value_in_place_of_a_table_is_reported_with_its_key() -> None:
    with pytest.raises(B4RError, match=r"experiments\.a\.data is not a table"):
        set_key("[experiments.a]\ndata = 3\n", ("experiments", "a", "data", "seed"), "1")
    with pytest.raises(B4RError, match="line 1 is not valid TOML"):
        unset_key("[experiments", ("experiments", "a"))


def test_a_copy_keeps_comments_and_follows_its_original() -> None:
    new = tables_of.duplicate(TEXT, "base", "twin")
    assert tomli.loads(new)["experiments"]["twin"] == tomli.loads(TEXT)["experiments"]["base"]
    assert list(tomli.loads(new)["experiments"])[1] == "twin"
    assert new.count("# the base\n") == 2 and new.count("emb_dim = 64 # wide") == 2
    assert "[experiments.twin.model] # sizes" in new


@pytest.mark.parametrize("name", ["heir", "odd name"])
def test_every_experiment_can_be_copied_and_deleted(name: str) -> None:
    before = tomli.loads(TEXT)["experiments"]
    new = tables_of.duplicate(TEXT, name, "twin")
    assert tomli.loads(new)["experiments"] == {**before, "twin": before[name]}
    left = tables_of.delete(new, name)
    assert tomli.loads(left)["experiments"] == {"twin": before[name]} | {
        other: table for other, table in before.items() if other != name
    }


def test_renaming_updates_experiments_that_extend_it() -> None:
    new = tables_of.rename(TEXT, "base", "root.1")
    tables = tomli.loads(new)["experiments"]
    assert tables["heir"]["extends"] == "root.1" and '[experiments."root.1".model] # sizes' in new
    assert tables_of.rename(new, "root.1", "base") == TEXT
    assert tables_of.children_of(new, "root.1") == ["heir"]


def test_an_experiment_of_dotted_keys_at_the_root_can_be_copied_renamed_and_deleted() -> None:
    text = "experiments.a.model.emb_dim = 8 # x\nexperiments.b.extends = 'a'\n"
    assert tomli.loads(tables_of.duplicate(text, "a", "c"))["experiments"]["c"] == {"model": {"emb_dim": 8}}
    assert (
        tables_of.rename(text, "a", "z")
        == 'experiments.z.model.emb_dim = 8 # x\nexperiments.b.extends = "z"\n'
    )
    assert tables_of.delete(text, "a") == "experiments.b.extends = 'a'\n"


@pytest.mark.parametrize("text", ["", TEXT, "experiments = { a = { description = 'x' } }\n"])
def test_an_experiment_can_be_added_to_any_file(text: str) -> None:
    new = tables_of.add_experiment(
        text, "new", {"extends": "heir", "data.seed": 4} if text == TEXT else {}, "base"
    )
    assert "new" in tomli.loads(new)["experiments"]
    assert set(comments(text)) <= set(comments(new))


@pytest.mark.parametrize(("name", "reason"), [("a b", "invalid experiment name"), ("base", "already")])
def test_an_invalid_name_is_rejected(name: str, reason: str) -> None:
    for edit in (tables_of.rename, tables_of.duplicate):
        with pytest.raises(B4RError, match=reason):
            edit(TEXT, "heir", name)
    with pytest.raises(B4RError, match=reason):
        tables_of.add_experiment(TEXT, name, {})
    assert tables_of.free_name("base", ["base", "base-2"]) == "base-3"


@given(st.lists(st.sampled_from(["a", "b", "undo", "redo"]), max_size=12))
def test_undo_and_redo_walk_through_the_texts(steps: list[str]) -> None:
    document, past, future = Document("", ""), [""], list[str]()
    for step in steps:
        if step == "undo":
            assert document.undo() is (len(past) > 1)
            future += [past.pop()] if len(past) > 1 else []
        elif step == "redo":
            assert document.redo() is bool(future)
            past += [future.pop()] if future else []
        elif document.change(past[-1] + step):
            past, future = [*past, document.text], []
        assert document.text == past[-1] and document.changed is bool(past[-1])


def test_changes_with_one_mark_are_undone_as_one() -> None:
    document = Document("", "")
    for text in ("1", "12", "123"):
        document.change(text, "lr")
    document.end_step()
    document.change("1234", "lr")
    assert document.undo() and document.text == "123"
    assert document.undo() and document.text == ""
