"""Recommends items with the model of a run: `python -m engine.programs.recommend RUN_DIR --user U…`.

One CPU process, for a checkpoint of any mode; TorchRec and FBGEMM are not imported, since that takes longer than the
answer. Standard output has JSON lines as in `engine.contract.messages`, with `recommendations` for each user.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract.config.experiment import Experiment, read_run_config
from engine.contract.errors import B4RError
from engine.contract.messages import ProgressEmitter, emit
from engine.contract.options.recommend import RecommendOptions, add_options, options_of
from engine.data.dataset import Dataset
from engine.data.load import load_dataset
from engine.data.titles import read_titles
from engine.runtime.report import failures_reported, to_stdout
from engine.serving.loaded_model import LoadedModel, load_model
from engine.serving.top_lists import Histories, best_items, histories_of

SHOWN_IDS = 5  # unknown ids that a sentence lists


def recommend(run_dir: Path, options: RecommendOptions) -> None:
    """Recommend to whom `options` name. Raises B4RError."""
    experiment = read_run_config(run_dir)
    trained = load_model(run_dir, experiment, options.pth)
    titles = titles_or_warning(experiment)
    if options.history:
        histories = new_history(trained, options.history)
        emit_lists(trained, titles, [None], histories, options.k)
        emit_done(trained, 1)
        return
    dataset = load_dataset(experiment.data)
    trained.check_items(dataset)
    if options.everyone:
        everyone(trained, titles, dataset, options)
    else:
        known_users(trained, titles, dataset, options)


def titles_or_warning(experiment: Experiment) -> Mapping[str, str]:
    """Return titles by item id; without them, and with a warning, if their file is damaged."""
    try:
        return read_titles(experiment.data)
    except B4RError as error:
        emit("warning", message=f"no titles: {error.sentence}")
        return {}


def new_history(trained: LoadedModel, ids: Iterable[str]) -> Histories:
    """Return a history given by item ids, warning of unknown ones. Raises B4RError if all are unknown."""
    index = {item: number for number, item in enumerate(trained.item_ids)}
    known = [index[one] for one in ids if one in index]
    unknown = [one for one in dict.fromkeys(ids) if one not in index]
    if not known:
        raise B4RError(f"--history: no item {_listed(unknown)} in the data; use the data set's item IDs")
    if unknown:
        emit("warning", message=f"ignored in the history, not in the data: {_listed(unknown)}")
    return Histories.of(np.array(known, dtype=np.int64), np.array([len(known)]))


def known_users(
    trained: LoadedModel, titles: Mapping[str, str], dataset: Dataset, options: RecommendOptions
) -> None:
    """Emit the lists of the chosen users, scored together. Raises B4RError that names users not in the data."""
    indices = {user: np.flatnonzero(dataset.user_ids == user) for user in options.users}
    unknown = [user for user, places in indices.items() if not len(places)]
    if unknown:
        raise B4RError(f"--user: no user {_listed(unknown)} in the data; use the data set's user IDs")
    users = np.concatenate(list(indices.values()))
    emit_lists(trained, titles, options.users, histories_of(dataset, users, options.as_of), options.k)
    emit_done(trained, len(users))


def emit_lists(
    trained: LoadedModel, titles: Mapping[str, str], names: Iterable[str | None], histories: Histories, k: int
) -> None:
    """Emit a list for each history. names: the id of each history's user, or None."""
    block_mb = trained.experiment.evaluation.block_mb
    items, scores = best_items(trained.model, histories, trained.longest, k, block_mb)
    for name, length, row, values in zip(names, histories.lengths.tolist(), items, scores, strict=True):
        best = [
            (trained.item_ids[item], float(score))
            for item, score in zip(row, values, strict=True)
            if item >= 0
        ]
        entries = [
            {"rank": rank, "item": item, "title": titles.get(item), "score": score}
            for rank, (item, score) in enumerate(best, start=1)
        ]
        emit("recommendations", user=name, history=length, items=entries)


def everyone(
    trained: LoadedModel, titles: Mapping[str, str], dataset: Dataset, options: RecommendOptions
) -> None:
    """Write the lists of all users to a parquet file, one batch at a time."""
    from engine.serving.lists_parquet import write_lists  # pyarrow is slow to import

    path = Path(options.out or "").absolute()
    write_lists(path, trained, titles, dataset, options, ProgressEmitter())
    emit_done(trained, dataset.num_users, path=str(path))


def emit_done(trained: LoadedModel, users: int, **more: Any) -> None:
    """Emit `done` with the model that recommended."""
    emit(
        "done",
        run=trained.experiment.name,
        checkpoint=trained.checkpoint,
        epoch=trained.epoch,
        users=users,
        **more,
    )


def main(arguments: list[str] | None = None) -> None:
    """Recommend as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m engine.programs.recommend", allow_abbrev=False)
    parser.add_argument("run_dir", type=lambda text: Path(text).absolute(), help="run folder")
    add_options(parser)
    parsed = parser.parse_args(arguments)
    with failures_reported(to_stdout):
        recommend(parsed.run_dir, options_of(parsed))


def _listed(ids: list[str]) -> str:
    shown = ", ".join(f"'{one}'" for one in ids[:SHOWN_IDS])
    return shown + (f" and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else "")


if __name__ == "__main__":
    main()
