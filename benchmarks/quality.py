"""Compares the quality of our BERT4Rec with RecTools' and RecBole's on MovieLens 100K, given the same budget.

Full data, leave-two-out (test: a user's last interaction, validation: the one before, equal timestamps in file
order), full ranking over all unseen items, five seeds each.

Equal for all: the held-out rows, which each program asserts; the training windows; sequences seen
(`num_epochs` passes over these windows); size (emb_dim, layers, heads, max_len) and batch size of the recipe,
`examples/ml-100k-best.toml`; a validation per epoch by NDCG@10 that chooses the epoch to test. RecTools is
validated by its own `recommend` and `calc_metrics`, RecBole by its own `Trainer.fit`, which ranks seen items
too. Learning rate, mask_prob and dropout of a peer are its own defaults or those of the recipe, whichever is
better on validation with the first seed.

The peers return their scores of all items for each user. Our code computes ranks and metrics of all three, and
checks them against the peer's own figure. Results of each library and seed are stored in --out and not run
again, so the work can be resumed; docs/benchmarks/quality has those of the docs.

    python -m benchmarks.quality --out docs/benchmarks/quality [--data FOLDER] [--recipe FILE]
                                 [--only ours recbole rectools] [--seeds 1 2 3 4 5] [--epochs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from b4r_tui.experiments.load import load_experiments
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.supervision import torchrun
from benchmarks import peers
from benchmarks.machine import about, environment
from benchmarks.quality_data import peer_ndcg, ranks_of_run, ranks_of_scores, write_inputs
from benchmarks.quality_table import as_table, compare
from engine.contract.atomic_files import read_json, write_json
from engine.contract.config.experiment import Experiment
from engine.contract.events import Epoch, Test, read_events
from engine.data.load import load_dataset

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = {"recbole": "peer_recbole_quality.py", "rectools": "peer_rectools_quality.py"}
DEFAULTS = {
    "recbole": {"lr": 1e-3, "mask_prob": 0.2, "dropout": 0.2},
    "rectools": {"lr": 1e-3, "mask_prob": 0.15, "dropout": 0.2},
}
LIBRARIES = ("ours", *PROGRAMS)
AGREEMENT = 2e-4  # RecBole rounds its own figures to four places


def main() -> None:
    """Run what is missing, then print the table of all results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for each seed's results")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("B4R_TEST_DATA", "../shared/data")))
    parser.add_argument("--recipe", type=Path, default=ROOT / "examples" / "ml-100k-best.toml")
    parser.add_argument("--only", nargs="*", choices=LIBRARIES, default=LIBRARIES, help="libraries to run")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--epochs", type=int, help="overrides the recipe's num_epochs for all")
    parser.add_argument("--json", type=Path, help="file for the table's figures")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    experiment = recipe(arguments.recipe, arguments.data, arguments.epochs)
    for library in arguments.only:
        for seed in arguments.seeds:
            run_once(library, seed, experiment, arguments.out)
    results = {**about(), "recipe": settings_of(experiment), **compare(read_results(arguments.out))}
    print(as_table(results))
    if arguments.json:
        write_json(arguments.json, results)


def recipe(path: Path, data: Path, epochs: int | None) -> Experiment:
    """Return the recipe's experiment on the given data folder, evaluated by `full` only, on CPU."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / path.name  # the recipe fixes how to train, not where the data are
        copy.write_text(path.read_text().replace("../datasets", str(data.resolve())))
        (experiment,) = load_experiments(copy).experiments
    changes: dict[str, dict[str, Any]] = {
        "evaluation": {"protocols": ["full"], "metric_ks": [10]},
        "launch": {"gpu": 0},
        "training": {"num_epochs": epochs or experiment.training.num_epochs, "keep_checkpoints": 1},
    }
    settings = experiment.model_dump(exclude_none=True)
    return Experiment.model_validate(settings | {name: settings[name] | new for name, new in changes.items()})


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """Return the settings of the budget and the recipe, by name."""
    model, training = experiment.model, experiment.training
    return {
        **{name: getattr(model, name) for name in ("max_len", "emb_dim", "num_layers", "nhead", "dropout")},
        **{name: getattr(training, name) for name in ("num_epochs", "dupe_factor", "lr", "mask_prob")},
        "batch": training.train_batch_size,
    }


def run_once(library: str, seed: int, experiment: Experiment, out: Path) -> dict[str, Any]:
    """Return the result of a library and seed, measured unless `out` has it for the same settings."""
    settings = settings_of(experiment)
    if library == "ours":
        settings |= {name: getattr(experiment.model, name) for name in ("norm", "init", "tie_output")}
        settings |= {name: getattr(experiment.training, name) for name in ("decay_step", "gamma")}
    else:
        settings |= chosen_settings(library, seed, experiment, out)
    return cached_or_measured(library, seed, settings, experiment, out / f"{library}-{seed}.json")


def chosen_settings(library: str, seed: int, experiment: Experiment, out: Path) -> dict[str, Any]:
    """Return a peer's learning rate, mask_prob and dropout: of two candidates the one that validates better.

    They are tried once, with the first seed that is requested.
    """
    path = out / f"{library}-settings.json"
    record = read_json(path)
    if record:
        return dict(record["chosen"])
    names = ("lr", "mask_prob", "dropout")
    candidates = {
        "its defaults": DEFAULTS[library],
        "as ours": {name: settings_of(experiment)[name] for name in names},
    }
    tried = {}
    for number, (name, candidate) in enumerate(candidates.items()):
        settings = settings_of(experiment) | candidate
        result = cached_or_measured(
            library, seed, settings, experiment, out / f"trial-{library}-{number}.json"
        )
        tried[name] = {**candidate, "validation": result["validation"]}
    best = max(tried, key=lambda name: tried[name]["validation"])
    write_json(path, {"chosen": candidates[best], "name": best, "tried": tried})
    trial = read_json(out / f"trial-{library}-{list(candidates).index(best)}.json")
    write_json(out / f"{library}-{seed}.json", trial or {})
    return candidates[best]


def cached_or_measured(
    library: str, seed: int, settings: dict[str, Any], experiment: Experiment, path: Path
) -> dict[str, Any]:
    """Read `path` if it holds a result of these settings, else measure and write it."""
    known = read_json(path)
    if known and known["settings"] == settings and known["seed"] == seed:
        return dict(known)
    start = time.monotonic()
    result = (
        ours(seed, experiment, path.parent)
        if library == "ours"
        else peer(library, seed, settings, experiment)
    )
    result |= {"library": library, "seed": seed, "settings": settings, "seconds": time.monotonic() - start}
    write_json(path, result)
    print(
        f"{path.name}: test NDCG@10 {np.mean(result['ndcg']):.4f}, {result['seconds']:.0f} s", file=sys.stderr
    )
    return result


def ours(seed: int, experiment: Experiment, out: Path) -> dict[str, Any]:
    """Run the engine; its ranks file gives each user's NDCG@10."""
    training = experiment.training.model_copy(update={"seed": seed})
    run = RunStore(out / "runs").create(experiment.model_copy(update={"training": training}))
    with (run.dir / "output.txt").open("wb") as output:
        command = [sys.executable, "-m", "engine.train", str(run.dir)]
        env = os.environ | environment() | torchrun.DEFAULTS | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, env=env, stdout=output, stderr=output)
    events = [record.event for record in read_events(run.events_path)]
    epochs = [event for event in events if isinstance(event, Epoch)]
    validations = [event.metrics["full"]["ndcg@10"] for event in epochs]
    own_ndcg = [event for event in events if isinstance(event, Test)][-1].metrics["full"]["ndcg@10"]["value"]
    users, ndcg, recall = ranks_of_run(run.dir)
    return _result(users, ndcg, recall, validations, own_ndcg)


def peer(library: str, seed: int, settings: dict[str, Any], experiment: Experiment) -> dict[str, Any]:
    """Run a peer's program on the same rows, and rank its scores."""
    peers.install()
    dataset = load_dataset(experiment.data)
    with tempfile.TemporaryDirectory(prefix="quality-") as name:
        folder = Path(name)
        write_inputs(folder, dataset, experiment.model.max_len, experiment.training.dupe_factor)
        (folder / "settings.json").write_text(json.dumps(settings | {"seed": seed}))
        command = [str(peers.PYTHON), str(Path(__file__).parent / PROGRAMS[library])]
        completed = subprocess.run(
            command, cwd=folder, env=os.environ | environment(), capture_output=True, text=True
        )
        if completed.returncode:
            raise SystemExit(f"{library}, seed {seed}, failed:\n{completed.stderr[-2000:]}")
        reported = json.loads((folder / "result.json").read_text())
        scores = np.load(folder / "scores.npy")
    users, ndcg, recall = ranks_of_scores(scores, dataset)
    recomputed = peer_ndcg(scores, dataset, include_seen=library == "recbole")
    if abs(recomputed - reported["own_ndcg"]) > AGREEMENT:
        raise SystemExit(
            f"{library} reports NDCG@10 {reported['own_ndcg']:.5f}, our code {recomputed:.5f} for the same scores"
        )
    return _result(users, ndcg, recall, reported["validations"], reported["own_ndcg"])


def _result(
    users: np.ndarray, ndcg: np.ndarray, recall: np.ndarray, validations: list[float], own_ndcg: float
) -> dict[str, Any]:
    best = int(np.argmax(validations))
    return {
        "users": users.tolist(),
        "ndcg": ndcg.tolist(),
        "recall": recall.tolist(),
        "validations": validations,
        "validation": validations[best],
        "best_epoch": best,
        "own_ndcg": own_ndcg,
    }


def read_results(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Read the results in a folder by library, in order of seeds."""
    results: dict[str, list[dict[str, Any]]] = {}
    for library in LIBRARIES:
        paths = (path for path in out.glob(f"{library}-*.json") if path.stem.rpartition("-")[2].isdecimal())
        records = [record for path in paths if (record := read_json(path))]
        if records:
            results[library] = sorted(records, key=lambda record: record["seed"])
    return results


if __name__ == "__main__":
    main()
