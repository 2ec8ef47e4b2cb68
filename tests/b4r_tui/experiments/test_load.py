"""Reading experiments files: what comes out of good ones, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.commands.main import main
from b4r_tui.common import machine
from b4r_tui.experiments.load import ExperimentFileError, load_experiments
from engine.contract.config.experiment import Experiment
from engine.contract.errors import B4RError, ExitCode

SYNTHETIC = "defaults.data.dataset_name = 'synthetic'\n"


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "e.toml"
        path.write_text(text)
        return path

    return write


def loaded(path: Path, *only: str) -> dict[str, Experiment]:
    return {experiment.name: experiment for experiment in load_experiments(path, only).experiments}


def test_defaults_lie_under_every_experiment(written) -> None:
    path = written(SYNTHETIC + "[defaults.training]\nlr = 0.5\nseed = 3\n[experiments.a.training]\nlr = 0.25")
    training = loaded(path)["a"].training
    assert (training.lr, training.seed) == (0.25, 3)


def test_extends_takes_over_group_by_group_along_the_chain(written) -> None:
    path = written(
        SYNTHETIC
        + "[experiments.c]\nextends='b'\nlaunch.j='1x2'\n[experiments.b]\nextends='a'\nlaunch.mode='dmp'\n"
        + "description='of b'\n[experiments.a]\nmodel.emb_dim=64\nlaunch.env.A='1'\ntraining.early_stopping.patience=3"
    )
    experiment = loaded(path)["c"]
    assert (experiment.model.emb_dim, experiment.launch.mode, experiment.launch.j) == (64, "dmp", "1x2")
    assert experiment.launch.env == {"A": "1"}
    assert experiment.training.early_stopping and experiment.training.early_stopping.patience == 3
    assert experiment.description == "", "a description is of one experiment alone"


def test_a_sweep_makes_one_named_run_for_each_point_of_its_grid(written) -> None:
    path = written(
        SYNTHETIC
        + "[experiments.a.sweep]\n'training.lr' = [1e-3, 3e-4]\nmodel.norm = ['pre', 'post']\nseeds = [1, 2]"
    )
    experiments = loaded(path)
    assert len(experiments) == 8
    assert next(iter(experiments)) == "a-lr0.001-normpre-s1"
    one = experiments["a-lr0.0003-normpost-s2"]
    assert (one.training.lr, one.model.norm, one.training.seed) == (0.0003, "post", 2)


def test_swept_keys_that_end_alike_are_named_in_full(written) -> None:
    path = written(SYNTHETIC + "[experiments.a.sweep]\n'training.seed' = [1]\n'data.seed' = [2]")
    assert list(loaded(path)) == ["a-training.seed1-data.seed2"]


def test_an_heir_takes_the_settings_of_a_swept_experiment_but_not_its_sweep(written) -> None:
    path = written(
        SYNTHETIC + "[experiments.a]\nmodel.emb_dim=64\nsweep.seeds=[1,2]\n[experiments.b]\nextends='a'"
    )
    assert list(loaded(path)) == ["a-s1", "a-s2", "b"]
    assert loaded(path)["b"].model.emb_dim == 64


def test_only_takes_an_experiment_or_its_whole_sweep(written) -> None:
    path = written(SYNTHETIC + "[experiments.a.sweep]\nseeds = [1, 2]\n[experiments.b]")
    assert list(loaded(path, "a")) == ["a-s1", "a-s2"]
    assert list(loaded(path, "a-s2", "b")) == ["a-s2", "b"]
    with pytest.raises(B4RError, match="no experiment 'a-s3'; did you mean 'a-s"):
        loaded(path, "a-s3")


def test_paths_start_at_the_file_wherever_the_program_runs(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "there"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "u.data").touch()
    (folder / "x.py").touch()
    path = folder / "e.toml"
    path.write_text(
        "[experiments.a]\ndata = {dataset_name='ml-100k', dataset_path='data'}\n"
        "launch.script='x.py'\ntraining.export_root='../out'"
    )
    monkeypatch.chdir(tmp_path)
    experiment = loaded(Path("there/e.toml"))["a"]
    assert experiment.data.dataset_path == str(folder / "data")
    assert experiment.launch.script == str(folder / "x.py")
    assert experiment.training.export_root == str(tmp_path / "out")
    assert experiment.evaluation.pth == "best"


def test_the_path_of_a_data_set_may_be_its_very_file(tmp_path: Path, written) -> None:
    (tmp_path / "other.data").touch()
    path = written("[experiments.a.data]\ndataset_name = 'ml-100k'\ndataset_path = 'other.data'")
    assert loaded(path)["a"].data.dataset_path == str(tmp_path / "other.data")


def test_an_experiment_not_chosen_may_lack_its_data(written) -> None:
    path = written(
        SYNTHETIC + "[experiments.a]\n[experiments.b]\ndata.dataset_name='ml-1m'\ndata.dataset_path='nowhere'"
    )
    assert list(loaded(path, "a")) == ["a"]
    with pytest.raises(ExperimentFileError, match="not found"):
        loaded(path)


BAD = {
    "broken syntax": ("[experiments.a\n", 1, "not valid TOML"),
    "a value missing": ("[experiments.a]\nmodel.emb_dim =\n", 2, "not valid TOML"),
    "a key twice": ("[experiments.a]\nmodel.emb_dim = 8\nmodel.emb_dim = 8\n", 3, "not valid TOML"),
    "empty": ("", None, "has no experiment"),
    "no experiments": ("[defaults.model]\nemb_dim = 8\n", None, "has no experiment"),
    "unknown table": ("[experiment.a]\n", 1, "unknown table; did you mean 'experiments'?"),
    "unknown group in defaults": ("[defaults.trainig]\n[experiments.a]\n", 1, "did you mean 'training'?"),
    "unknown group": ("[experiments.a.modle]\nemb_dim = 8\n", 1, "unknown key; did you mean 'model'?"),
    "unknown key": ("[experiments.a]\nmodel.emb_dm = 8\n", 2, "unknown key; did you mean 'emb_dim'?"),
    "unknown key in a table on one line": (
        "[experiments.a]\nmodel = {emb_dim = 8, nheads = 2}\n",
        2,
        "did you mean 'nhead'?",
    ),
    "unknown key in defaults": (
        "[defaults.model]\nemb_dm = 8\n[experiments.a]\n",
        2,
        "did you mean 'emb_dim'?",
    ),
    "wrong type": (
        "[experiments.a.model]\nmax_len = 10\nemb_dim = 'big'\n",
        3,
        "'big' is not a whole number",
    ),
    "text for a number": ("[experiments.a]\ntraining.lr = '1e-3'\n", 2, "is not a number"),
    "bool for a number": ("[experiments.a]\nmodel.emb_dim = true\n", 2, "true is not a whole number"),
    "out of range": ("[experiments.a]\nmodel.dropout = 1.5\n", 2, "must be less than 1"),
    "infinite": ("[experiments.a]\ntraining.lr = inf\n", 2, "finite number"),
    "no choice": ("[experiments.a]\nlaunch.mode = 'fsdp'\n", 2, "is not valid; use ddp or dmp"),
    "group is no table": ("[experiments.a]\nmodel = 3\n", 2, "is not a table"),
    "experiment is no table": ("experiments.a = 3\n", 1, "is not a table"),
    "experiments is no table": ("experiments = 3\n", 1, "is not a table"),
    "defaults is no table": ("defaults = 3\n[experiments.a]", 1, "is not a table"),
    "heads": (
        "[experiments.a.model]\nemb_dim = 8\nnhead = 3\n",
        3,
        "emb_dim (8) must be divisible by nhead (3)",
    ),
    "unknown parent": ("[experiments.base]\n[experiments.b]\nextends = 'bse'\n", 3, "did you mean 'base'?"),
    "dot in a name": (
        "[experiments.a.b]\nextends = 'c'\n",
        1,
        'a dot in a table name starts a sub-table; quote it: [experiments."a.b"]',
    ),
    "own parent": ("[experiments.a]\nextends = 'a'\n", 2, "is circular (a → a)"),
    "circle": (
        "[experiments.a]\nextends='c'\n[experiments.b]\nextends='a'\n[experiments.c]\nextends='b'\n"
        "[experiments.d]\nextends='c'",
        2,
        "is circular (a → c → b → a)",
    ),
    "parent is a list": ("[experiments.a]\nextends = ['b']\n", 2, "is not the name of an experiment"),
    "bad name": ('[experiments."a b"]\n', 1, "invalid experiment name"),
    "dotted name": ('[experiments.".a"]\nmodel.emb_dim = 8', 1, "invalid experiment name"),
    "sweep is a number": ("[experiments.a]\nsweep = 3\n", 2, "is not a table of lists"),
    "sweep of no list": ("[experiments.a.sweep]\n'training.lr' = 0.1\n", 2, "is not a list; write [0.1]"),
    "sweep of nothing": ("[experiments.a.sweep]\nseeds = []\n", 2, "is an empty list"),
    "sweep without a group": (
        "[experiments.a.sweep]\nlr = [0.1]\n",
        2,
        "unknown key; write a setting with its group",
    ),
    "sweep of an unknown key": ("[experiments.a.sweep]\n'training.lrr' = [0.1]\n", 2, "did you mean 'lr'?"),
    "sweep of a bad value": (
        "[experiments.a.sweep]\nseeds = [1,\n -1]\n",
        2,
        "must be greater than or equal to 0",
    ),
    "sweep twice the same": ("[experiments.a.sweep]\nseeds = [1, 1]\n", 2, "lists a value twice"),
    "sweep of a seed twice": (
        "[experiments.a.sweep]\nseeds = [1]\n'training.seed' = [2]\n",
        3,
        "sweeps training.seed twice",
    ),
    "sweep too large": (
        "[experiments.a.sweep]\n"
        + f"seeds = {list(range(200))}\n'training.lr' = {[i + 1 for i in range(200)]}\n",
        1,
        "makes more than 10,000 runs",
    ),
    "names that clash": (
        "[experiments.a-s1]\n[experiments.a.sweep]\nseeds = [1]\n",
        2,
        "would be named 'a-s1'",
    ),
    "protocol": ("[experiments.a]\nevaluation.protocols = ['ful']\n", 2, "is not a valid protocol"),
    "metric not measured": ("[experiments.a]\nevaluation.select_by = 'ndcg@7'\n", 2, "is not measured"),
    "wrong cutoff in a long list": (
        "[experiments.a]\nevaluation.metric_ks = [\n 1,\n 'x',\n]\n",
        4,
        "'x' is not a whole number",
    ),
    "split": ("[experiments.a]\ndata.split = 'random'\n", 2, "is not valid; use leave-two-out or temporal"),
    "one cut": ("[experiments.a]\ndata.temporal_fractions = [0.5]\n", 2, "at least 2"),
    "a cut after everything": ("[experiments.a]\ndata.temporal_fractions = [0.5, 1.0]\n", 2, "less than 1"),
    "cuts that fall": (
        "[experiments.a]\ndata.split = 'temporal'\ndata.temporal_fractions = [0.9, 0.8]\n",
        3,
        "the second cut (0.8) must be after the first (0.9)",
    ),
    "cuts at once": (
        "[experiments.a]\ndata.split = 'temporal'\ndata.temporal_times = [978300760, 978300760]\n",
        3,
        "must be after the first",
    ),
    "cuts without a temporal split": (
        "[experiments.a]\ndata.temporal_times = [1, 2]\n",
        2,
        'remove it, or use split = "temporal"',
    ),
    "data set without a folder": (
        "[experiments.a]\ndata.dataset_name = 'ml-1m'\n",
        2,
        "set it to the folder of ml-1m",
    ),
    "missing folder": (
        "[experiments.a.data]\ndataset_name = 'ml-1m'\ndataset_path = 'nowhere'\n",
        3,
        "put ratings.dat of ml-1m there",
    ),
    "missing data file": (
        "[experiments.a.data]\ndataset_name = 'ml-1m'\ndataset_path = '.'\n",
        3,
        "no ratings.dat in",
    ),
    "negatives of the full loss": (
        "[experiments.a.training]\nnum_negatives = 9\n",
        2,
        'has no effect with loss = "full"; remove it, or use loss = sampled or gbce',
    ),
    "popular negatives of gbce": (
        "[experiments.a.training]\nloss = 'gbce'\nnegatives = 'popularity'\n",
        3,
        'has no effect with loss = "gbce"',
    ),
    "calibration of the sampled loss": (
        "[experiments.a.training]\nloss = 'sampled'\ngbce_t = 0.5\n",
        3,
        'has no effect with loss = "sampled"',
    ),
    "calibration out of range": ("[experiments.a.training]\nloss = 'gbce'\ngbce_t = 1.5\n", 3, "less than"),
    "missing script": ("[experiments.a]\nlaunch.script = 'none.py'\n", 2, "not found: "),
    "missing checkpoint": ("[experiments.a]\nevaluation.pth = './none.pth'\n", 2, "not found: "),
    "nodes": ("[experiments.a]\nlaunch.j = '2x1'\n", 2, "needs 2 hosts"),
    "job": ("[experiments.a]\nlaunch.j = 'two'\n", 2, "launch.j must be NODESxPROCESSES, e.g. 1x2"),
    "processes": (
        "[experiments.a]\nlaunch.j = '1x9999'\nlaunch.gpu = 0\n",
        2,
        "9999 processes are too many for",
    ),
    "a GPU for two": ("[experiments.a]\nlaunch.gpu = 1\nlaunch.j = '1x2'\n", 2, "need one GPU each"),
    "variable": ("[experiments.a]\nlaunch.env.'A-B' = 'x'\n", 2, "is not a valid environment variable"),
    "our variable": ("[experiments.a]\nlaunch.env.B4R_RUN_ID = 'x'\n", 2, "reserved for the launcher"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_with_file_line_and_key_and_exits_2(
    case: str, written, capsys, monkeypatch
) -> None:
    text, line, sentence = BAD[case]
    prefix = "" if "syntax" in case or case == "empty" or not text or "defaults" in text else SYNTHETIC
    path = written(prefix + text)
    shift = prefix.count("\n")
    monkeypatch.setattr(machine, "gpu_names", lambda: ("0",) if "GPU" in case else ())
    monkeypatch.setattr("b4r_tui.experiments.checks.gpu_names", machine.gpu_names)
    assert main(["validate", str(path)]) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err.splitlines()
    place = f"b4r-tui: {path}:" + ("" if line is None else f"{line + shift}:")
    assert any(each.startswith(place) and sentence in each for each in said), said
    assert len({each.partition(": ")[2] for each in said}) == len(said), "nothing is said twice"


def test_all_problems_are_told_in_the_order_of_the_file(written) -> None:
    path = written(
        "top = 1\n" + SYNTHETIC + "[experiments.a]\nmodel.emb_dm = 3\n[experiments.b]\nmodel.nhead = 'x'"
    )
    with pytest.raises(ExperimentFileError) as caught:
        load_experiments(path)
    assert [problem.line for problem in caught.value.problems] == [1, 4, 6]
    assert caught.value.problems[1].key == "experiments.a.model.emb_dm"
    assert caught.value.sentence.endswith("(and 2 more)")


def test_a_problem_that_is_inherited_is_told_once_where_it_was_written(written) -> None:
    path = written(
        SYNTHETIC + "[experiments.a]\nmodel.nhead = 'x'\n[experiments.b]\nextends='a'\nsweep.seeds=[1,2]"
    )
    with pytest.raises(ExperimentFileError) as caught:
        load_experiments(path)
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (3, "experiments.a.model.nhead")
    ]


def test_too_few_gpus_is_a_matter_of_the_environment(written, monkeypatch) -> None:
    monkeypatch.setattr("b4r_tui.experiments.checks.gpu_names", lambda: ())
    path = written(SYNTHETIC + "[experiments.a]\nlaunch.gpu = 2")
    with pytest.raises(ExperimentFileError, match="2 GPUs requested, none available here") as caught:
        load_experiments(path)
    assert caught.value.code is ExitCode.ENVIRONMENT


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[experiments.a]\nx = '\xe9'"])
def test_a_file_that_is_not_utf8_is_told_so(tmp_path: Path, content: bytes, capsys) -> None:
    path = tmp_path / "e.toml"
    path.write_bytes(content)
    assert main(["validate", str(path)]) == ExitCode.BAD_INPUT
    assert f"{path}:{content.count(10) + 1}: is not UTF-8 text" in capsys.readouterr().err


def test_a_missing_file_and_a_folder_are_told_in_one_sentence(tmp_path: Path, capsys) -> None:
    assert main(["--run", str(tmp_path / "none.toml")]) == ExitCode.BAD_INPUT
    assert main(["--run", str(tmp_path)]) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "no such file" in said[0]
    assert "is a folder" in said[1]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SYNTHETIC.encode() + b"[experiments.a]")
    assert list(loaded(path)) == ["a"]


def test_the_demo_file_is_in_order() -> None:
    root = Path(__file__).resolve().parents[3]
    assert list(loaded(root / "experiments.toml")) == ["chain-ddp", "chain-dmp"]
