"""`b4r-tui import`: every flag of the original, every way to start it, and what is reported about differences."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from b4r_tui.commands.main import main
from b4r_tui.experiments.importing.flags import FLAGS
from b4r_tui.experiments.importing.shell import read_script
from engine.contract.config.experiment import Experiment
from tests.conftest import ROOT

SCRIPTS = Path(__file__).parent / "scripts"
START = "torchx run -s local_cwd dist.ddp -j 1x2 --script src/bert4rec_main.py -- "
# flag, text, setting, value, value where the flag is not given
EVERY_FLAG: list[tuple[str, str, str, Any, Any]] = [
    ("dataset_name", "ml-20m", "data.dataset_name", "ml-20m", "ml-1m"),
    ("dataset_path", "/data/x", "data.dataset_path", "/data/x", "datasets/ml-1m"),
    ("min_rating", "3.5", "data.min_rating", 3.5, 0.0),
    ("min_user_count", "7", "data.min_user_count", 7, 5),
    ("min_item_count", "3", "data.min_item_count", 3, 0),
    ("random_user_count", "20", "data.random_user_count", 20, None),
    ("random_item_count", "50", "data.random_item_count", 50, None),
    ("random_size", "900", "data.random_size", 900, None),
    ("max_len", "16", "model.max_len", 16, 100),
    ("emb_dim", "128", "model.emb_dim", 128, 256),
    ("nhead", "4", "model.nhead", 4, 2),
    ("num_layers", "3", "model.num_layers", 3, 2),
    ("num_epochs", "10", "training.num_epochs", 10, 100),
    ("lr", "0.01", "training.lr", 0.01, 0.001),
    ("decay_step", "5", "training.decay_step", 5, 25),
    ("gamma", "0.5", "training.gamma", 0.5, 1.0),
    ("weight_decay", "0.1", "training.weight_decay", 0.1, 0.0),
    ("mask_prob", "0.2", "training.mask_prob", 0.2, 0.15),
    ("dupe_factor", "1", "training.dupe_factor", 1, 3),
    ("train_batch_size", "8", "training.train_batch_size", 8, 128),
    ("val_batch_size", "9", "evaluation.val_batch_size", 9, 128),
    ("test_batch_size", "10", "evaluation.test_batch_size", 10, 128),
    ("metric_ks", "5 10", "evaluation.metric_ks", [5, 10], [1, 5, 10, 20, 50, 100]),
    ("export_root", "/out/", "training.export_root", "/out/", None),
    ("pth", "epoch_3_model.pth", "evaluation.pth", "epoch_3_model.pth", "best"),
    ("mode", "ddp", "launch.mode", "ddp", "dmp"),
]


def imported(folder: Path, text: str, *arguments: str) -> dict[str, dict[str, Any]]:
    """The experiments of a script, each of which is checked against all settings there are."""
    script, output = folder / "train.sh", folder / "made.toml"
    script.write_text(text, encoding="utf-8")
    output.unlink(missing_ok=True)
    assert main(["import", str(script), "-o", str(output), *arguments]) == 0
    experiments: dict[str, dict[str, Any]] = tomli.loads(output.read_text(encoding="utf-8"))["experiments"]
    for name, settings in experiments.items():
        Experiment.model_validate({"name": name, **settings})
    return experiments


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def at(settings: dict[str, Any], dotted: str) -> Any:
    group, _, key = dotted.partition(".")
    return settings.get(group, {}).get(key)


def test_the_table_of_flags_is_the_originals() -> None:
    assert [row[0] for row in EVERY_FLAG] == sorted(FLAGS, key=[row[0] for row in EVERY_FLAG].index)
    assert len(EVERY_FLAG) == 26


@pytest.mark.parametrize("between", [" ", "="])
@pytest.mark.parametrize("dashes", [False, True])
@pytest.mark.parametrize(("flag", "text", "setting", "value", "default"), EVERY_FLAG)
def test_every_flag_is_taken_in_both_spellings_and_changes_its_setting_only(
    here: Path, flag: str, text: str, setting: str, value: Any, default: Any, dashes: bool, between: str
) -> None:
    without = imported(here, START)["train"]
    spelt = flag.replace("_", "-") if dashes else flag
    text = text.replace(" ", between.replace("=", ",")) if flag == "metric_ks" else text
    given = imported(here, f"{START} --{spelt}{between}{text}")["train"]
    assert at(without, setting) == default
    assert at(given, setting) == value
    changed = {
        f"{group}.{key}"
        for group in given
        for key in given[group].keys() | without[group].keys()
        if given[group].get(key) != without[group].get(key)
    }
    also = {"data.dataset_path"} if flag == "dataset_name" else set()  # which is named after the data set
    assert changed == {setting} | also


def test_what_the_original_has_no_flag_for_is_written_out(here: Path) -> None:
    made = imported(here, START)["train"]
    assert made["model"]["norm"] == "pre"
    assert made["model"]["dropout"] == 0.1
    assert made["evaluation"]["protocols"] == ["popular-100"]
    assert made["launch"] == {"mode": "dmp", "scheduler": "local", "j": "1x2"}
    random = imported(here, START + "--dataset_name random")["train"]
    assert random["evaluation"]["protocols"] == ["uniform-10"]
    assert random["data"]["random_size"] == 300


@pytest.mark.parametrize(
    ("start", "j"),
    [
        ("torchx run dist.ddp --script src/bert4rec_main.py --", "1x2"),
        ("torchx run --scheduler=local_cwd dist.ddp -j=1x4 --gpu 4 --script=src/bert4rec_main.py --", "1x4"),
        ("torchrun --nnodes 1 --nproc_per_node 3 --standalone src/bert4rec_main.py", "1x3"),
        ("torchrun --standalone --nproc-per-node=3 src/bert4rec_main.py", "1x3"),
        ("python -m torch.distributed.run --nproc_per_node=2 src/bert4rec_main.py", "1x2"),
        ("python3 -u src/bert4rec_main.py", "1x1"),
        ("nohup /opt/bin/torchrun --nproc-per-node 2 -m src.bert4rec_main", "1x2"),
    ],
)
def test_all_ways_to_start_the_original_are_known(here: Path, start: str, j: str) -> None:
    made = imported(here, f"{start} --lr 0.5")["train"]
    assert made["launch"]["j"] == j
    assert made["training"]["lr"] == 0.5


def test_a_shells_words_are_read_as_a_shell_would(here: Path) -> None:
    made = imported(
        here,
        "#!/bin/bash\n# torchx run is not here: --lr 9\nLR=0.25 # a comment\n"
        "export OUT='/a b'\nEXTRA=(--nhead 4 --gamma 0.5)\n"
        f'CUDA_VISIBLE_DEVICES=0 {START}\\\n --lr $LR \\\n --export_root="${{OUT}}/c" "${{EXTRA[@]}}" '
        "--emb_dim ${DIM:-64} --dataset_path '/x/$LR' > log 2>&1 &\n",
    )["train"]
    assert made["training"]["lr"] == 0.25
    assert made["training"]["export_root"] == "/a b/c"
    assert (made["model"]["nhead"], made["training"]["gamma"], made["model"]["emb_dim"]) == (4, 0.5, 64)
    assert made["data"]["dataset_path"] == "/x/$LR"
    assert made["launch"]["env"] == {"CUDA_VISIBLE_DEVICES": "0"}


def test_a_loop_over_a_written_list_and_several_commands_give_an_experiment_each(here: Path) -> None:
    made = imported(here, f"for lr in 0.1 0.2; do\n{START} --lr $lr\ndone\n{START} --lr 0.3; echo done")
    assert {name: each["training"]["lr"] for name, each in made.items()} == {
        "train": 0.1,
        "train-2": 0.2,
        "train-3": 0.3,
    }


def test_nothing_in_a_script_is_run(here: Path) -> None:
    imported(here, f"touch run1\nX=$(touch run2)\n{START} --lr `touch run3` --nhead $(touch run4)")
    assert not list(here.glob("run*"))


@pytest.mark.parametrize(
    ("line", "remark"),
    [
        ("--lerning_rate 3", "--lerning_rate 3: is not a flag of the original"),
        ("--num_epoch5 3", "did you mean 'num_epochs'?"),
        ("--m 3", "is ambiguous: min_rating"),
        ("--lr fast", "'fast' is not a number; the original's default is used"),
        ("--nhead 2.5", "'2.5' is not a whole number"),
        ("--lr", "has no value"),
        ("--lr 0.1 0.2", "only 0.1 is used; 0.2 is ignored"),
        ("--weight_decay 0.1", "decoupled (AdamW)"),
        ("--export_root out/pths", "would write out/pthsepoch_0_model.pth"),
        ("--export_root out/pths", "out/pths is treated as a directory"),
        ("--metric_ks 1 5", "by ndcg@5"),
        (
            "--dataset_name lt --dataset_path data/ml-1m",
            "suspicious: --dataset_name lt contradicts the folder data/ml-1m",
        ),
        ("--pth epoch_1_model.pth", "training ignores it"),
        ("--num_epochs 0", "training.num_epochs: 0 must be greater than or equal to 1; using our default"),
        ("--lr $UNSET", "`$UNSET` is not set in the script"),
        ("--lr $(cat lr)", "needs a shell"),
        ("$1 --lr 0.1", "`$1` is not set"),
    ],
)
def test_what_cannot_be_mapped_is_reported_with_its_line(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, remark: str
) -> None:
    imported(here, f"\n{START} \\\n{line}\n")
    err = capsys.readouterr().err
    matching = [each for each in err.splitlines() if remark in each]
    assert matching, err
    assert matching[0].startswith((f"{here}/train.sh:3: train: ", f"{here}/train.sh:2: train: "))


def test_other_schedulers_are_reached_through_torchx_and_lost_options_are_reported(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = (
        "torchx run -s kubernetes -cfg queue=q dist.ddp -j 1x2 --memMB 10 --script src/bert4rec_main.py --"
    )
    launch = imported(here, start)["train"]["launch"]
    assert (launch["scheduler"], launch["j"]) == ("torchx:kubernetes", "1x2")
    err = capsys.readouterr().err
    assert "--cfg queue=q: has no counterpart here" in err
    assert "--memMB 10: has no counterpart here" in err


def test_lt_with_a_movielens_folder_is_read_as_movielens(here: Path) -> None:
    made = imported(here, f"{START} --dataset_name lt --dataset_path data/ml-1m")["train"]
    assert made["data"]["dataset_name"] == "ml-1m"
    true = imported(here, f"{START} --dataset_name lt --dataset_path data/lt")["train"]
    assert true["data"]["dataset_name"] == "lt"


def test_the_example_is_what_import_makes_of_scripts_like_the_originals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").mkdir()
    scripts = [str(shutil.copy(SCRIPTS / name, tmp_path)) for name in ("train.sh", "eval.sh")]
    assert main(["import", *scripts, "-o", "examples/seed.toml"]) == 0
    made = (tmp_path / "examples" / "seed.toml").read_text(encoding="utf-8")
    assert made == (ROOT / "examples" / "seed.toml").read_text(encoding="utf-8")
    assert "b4r-tui evaluate RUN --pth epoch_6_model.pth" in capsys.readouterr().err


def test_the_example_can_be_used_once_its_data_is_there(tmp_path: Path) -> None:
    (tmp_path / "datasets" / "ml-1m").mkdir(parents=True)
    (tmp_path / "datasets" / "ml-1m" / "ratings.dat").touch()
    (tmp_path / "examples").mkdir()
    example = shutil.copy(ROOT / "examples" / "seed.toml", tmp_path / "examples")
    assert main(["validate", str(example)]) == 0


def test_into_keeps_every_letter_of_the_file_and_refuses_a_name_twice(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = "# mine\ndefaults.training.grad_clip = 1.0\n[experiments.other]   # keep\ndata = {dataset_name='random'}\n"
    (here / "experiments.toml").write_text(before)
    (here / "train.sh").write_text(START)
    assert main(["import", "train.sh", "--into", "experiments.toml", "--name", "seed"]) == 0
    after = (here / "experiments.toml").read_text()
    assert after.startswith(before)
    assert list(tomli.loads(after)["experiments"]) == ["other", "seed"]
    assert "[defaults] also apply to these experiments: training.grad_clip" in capsys.readouterr().err
    assert main(["import", "train.sh", "--into", "experiments.toml", "--name", "seed"]) == 2
    assert "already has an experiment 'seed'" in capsys.readouterr().err
    assert (here / "experiments.toml").read_text() == after


def test_bad_input_is_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "none.sh").write_text("echo hello\npython other.py --lr 1\n")
    assert main(["import", "none.sh"]) == 2
    assert "no command starts the original" in capsys.readouterr().err
    assert main(["import", "missing.sh"]) == 2
    (here / "train.sh").write_text(START)
    (here / "there.toml").write_text("")
    assert main(["import", "train.sh", "-o", "there.toml"]) == 2
    assert "there.toml already exists" in capsys.readouterr().err


def test_without_a_file_to_write_the_experiments_go_to_standard_output(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "train.sh").write_text(START + "--lr 0.5")
    assert main(["import", "train.sh"]) == 0
    assert tomli.loads(capsys.readouterr().out)["experiments"]["train"]["training"]["lr"] == 0.5


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_script(START + text)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r'"), min_size=1), max_size=5))
def test_words_of_any_alphabet_come_back_as_they_were(words: list[str]) -> None:
    quoted = " ".join(f"'{word}'" for word in words)
    (command,) = read_script(f"run {quoted} ${{x:-[ü]}} {{é}}").commands
    assert [word.text for word in command.words[1:-2]] == words


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0\n\r"), max_size=12), max_size=5))
def test_words_in_single_quotes_come_back_as_they_were(words: list[str]) -> None:
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    (command,) = read_script(f"run {quoted}").commands
    assert [word.text for word in command.words[1:]] == words
