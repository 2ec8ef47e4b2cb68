"""Origins, merging, saving and typed values of an experiments file that is being edited."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.app.widgets.form.row_content import row_contents
from b4r_tui.experiments.editing.analysis import check_text, parse_view
from b4r_tui.experiments.editing.disk import read_disk, write_disk
from b4r_tui.experiments.editing.keys import set_key, to_toml
from b4r_tui.experiments.editing.merge import merge
from b4r_tui.experiments.editing.origins import Source, origins
from b4r_tui.experiments.editing.values import to_input, to_literal, with_axis
from b4r_tui.experiments.load import load_text
from b4r_tui.experiments.settings import SETTINGS
from engine.contract.errors import B4RError

TEXT = """\
# top
[defaults.training]
num_epochs = 20
[experiments.base]
data = { dataset_name = "random", seed = 1 }
model.emb_dim = 64 # wide
[experiments.heir]
extends = "base"
model.emb_dim = 32
[experiments.heir.sweep]
"training.lr" = [1e-3, 3e-4]
seeds = [1, 2, 3]
"""


def test_every_setting_has_an_origin() -> None:
    found = origins(tomli.loads(TEXT), "heir")
    assert found.keys() == SETTINGS.keys()
    here = found["model.emb_dim"]
    assert (here.source, here.value, here.place) == (Source.HERE, 32, "here")
    assert here.overridden and (here.overridden.value, here.overridden.place) == (64, "base")
    assert (found["data.seed"].source, found["data.seed"].place) == (Source.INHERITED, "base")
    assert (found["training.num_epochs"].value, found["training.num_epochs"].place) == (20, "[defaults]")
    assert found["training.lr"].source is Source.DEFAULT
    assert origins(tomli.loads(TEXT), None)["training.num_epochs"].source is Source.HERE


def test_origins_agree_with_the_launched_values() -> None:
    launched = load_text(Path("x.toml"), TEXT).named("heir-lr0.001-s1").model_dump()
    for key, origin in origins(tomli.loads(TEXT), "heir").items():
        group, _, name = key.partition(".")
        if key not in ("training.lr", "training.seed") and "." not in name:
            assert launched[group][name] == origin.value, key


@pytest.mark.parametrize("extends", ["nobody", "heir"])
def test_origins_are_known_if_extends_is_invalid(extends: str) -> None:
    text = TEXT.replace('extends = "base"', f'extends = "{extends}"')
    found = origins(tomli.loads(text), "heir")
    assert found["model.emb_dim"].value == 32 and found["training.num_epochs"].place == "[defaults]"


@given(
    st.sampled_from(["base", "heir"]), st.sampled_from(["base", "heir"]), st.integers(1, 9), st.integers(1, 9)
)
def test_changes_of_different_keys_are_merged_and_of_the_same_key_are_not(
    mine: str, theirs: str, my_value: int, their_value: int
) -> None:
    def changed(name: str, value: int) -> str:
        return set_key(TEXT, ("experiments", name, "model", "nhead"), str(value))

    merged = merge(TEXT, changed(mine, my_value), changed(theirs, their_value))
    if mine == theirs and my_value != their_value:
        assert merged.text is None and merged.conflicts == (f"experiments.{mine}.model.nhead",)
    else:
        assert merged.text is not None
        tables = tomli.loads(merged.text)["experiments"]
        assert tables[mine]["model"]["nhead"] == my_value and tables[theirs]["model"]["nhead"] == their_value
        assert "# top" in merged.text and "# wide" in merged.text


def test_neighbouring_lines_and_comments_of_both_are_merged() -> None:
    mine = TEXT.replace("emb_dim = 64 # wide", "emb_dim = 128 # wider")
    theirs = TEXT.replace("emb_dim = 64 # wide", "emb_dim = 64 # wide\nmodel.nhead = 4").replace(
        "# top", "# new top"
    )
    merged = merge(TEXT, mine, theirs).text
    assert merged is not None and "# new top" in merged
    assert tomli.loads(merged)["experiments"]["base"]["model"] == {"emb_dim": 128, "nhead": 4}
    assert merge(TEXT, TEXT, theirs).text == theirs and merge(TEXT, mine, TEXT).text == mine


def test_separators_inside_a_line_are_merged_with_it() -> None:
    text = TEXT.replace("# wide", "# a\u2028b\x85c")
    mine, theirs = text.replace("c\n", "d\n"), text.replace("# top", "# new top")
    assert merge(text, mine, theirs).text == mine.replace("# top", "# new top")
    same_line = text.replace("a\u2028", "e\u2028")
    assert merge(text, mine, same_line).text == same_line  # never half of each


def test_invalid_text_is_merged_by_lines_or_not_at_all() -> None:
    assert (
        merge("a = 1\nb = 2\nc = 3\n", "a = \nb = 2\nc = 3\n", "a = 1\nb = 2\nc = 4\n").text
        == "a = \nb = 2\nc = 4\n"
    )
    assert merge("a = 1\n", "a = \n", "a = 2\n").text is None


def test_saving_keeps_mode_link_and_byte_order_mark(tmp_path: Path) -> None:
    file, link = tmp_path / "real.toml", tmp_path / "link.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    file.chmod(0o640)
    link.symlink_to(file)
    disk = read_disk(link)
    assert disk.text == "a = 1\r\n" and disk.bom
    saved = write_disk(link, "a = 2\r\n", disk.bom)
    assert file.read_bytes() == b"\xef\xbb\xbfa = 2\r\n" and link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640 and saved == read_disk(link)
    assert sorted(tmp_path.iterdir()) == [link, file]


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(B4RError, match=r"bad\.toml: is not UTF-8"):
        read_disk(tmp_path / "bad.toml")
    with pytest.raises(B4RError, match="cannot be written"):
        write_disk(tmp_path / "no folder" / "x.toml", "")
    assert read_disk(tmp_path / "none.toml").text == ""


@pytest.mark.parametrize(
    ("key", "said", "value"),
    [
        ("training.lr", "1e-3", 1e-3),
        ("training.lr", ".5", 0.5),
        ("training.lr", "fast", "fast"),
        ("model.emb_dim", "64", 64),
        ("model.tie_output", "on", True),
        ("evaluation.metric_ks", "1, 5", [1, 5]),
        ("evaluation.protocols", "full, uniform-9", ["full", "uniform-9"]),
        ("data.columns.user", "uid", "uid"),
        ("data.columns.user", "0", 0),
        ("launch.gpu", "auto", "auto"),
        ("launch.env", 'A = "1"', {"A": "1"}),
        ("data.dataset_path", 'a "b" \\c', 'a "b" \\c'),
    ],
)
def test_form_input_becomes_the_intended_value(key: str, said: str, value: object) -> None:
    written_down = to_literal(SETTINGS[key], said)
    assert tomli.loads(f"v = {written_down}")["v"] == value
    assert to_literal(SETTINGS[key], "  ") is None


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=str)
def test_every_default_survives_the_round_trip_through_the_form(setting: object) -> None:
    setting = SETTINGS[setting.key]  # type: ignore[attr-defined]
    said = to_literal(setting, to_input(setting.default))
    read = tomli.loads(f"v = {said}")["v"] if said else None
    assert read == setting.default or (said is None and not setting.default)


def test_values_of_a_sweep_are_set_in_place() -> None:
    new = with_axis(TEXT, "heir", "training.lr", "1e-3, 1e-2")
    assert '"training.lr" = [1e-3, 1e-2]' in new
    dotted = TEXT.replace('"training.lr"', "training.lr")
    assert "training.lr = [5.0]" in with_axis(dotted, "heir", "training.lr", "5.0")
    assert tomli.loads(with_axis(TEXT, "base", "model.norm", "pre, post"))["experiments"]["base"][
        "sweep"
    ] == {"model.norm": ["pre", "post"]}


def test_a_view_counts_runs_and_has_errors_at_their_rows() -> None:
    text = set_key(TEXT, ("experiments", "base", "training", "lr"), to_toml("fast"))
    view = parse_view(text, "heir-lr0.001-s1")
    assert view.name == "heir" and check_text(Path("x.toml"), TEXT, "heir").runs == 6
    base = row_contents(parse_view(text, "base"), check_text(Path("x.toml"), text, "base"))
    assert base["training.lr"].error == "'fast' is not a number"
    assert row_contents(parse_view(text, None), check_text(Path("x.toml"), text, None))[
        "training.num_epochs"
    ].here
