"""Recommends items with the model of a run: `python -m engine.programs.recommend RUN_DIR --user U…`.

One CPU process, for a checkpoint of any mode; TorchRec and FBGEMM are not imported, which takes longer than the
answer. Standard output has JSON lines as in `engine.contract.messages`, with `recommendations` for each user asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract.config.experiment import Experiment, read_run_config
from engine.contract.errors import B4RError
from engine.contract.messages import Progress, failures_said, say
from engine.contract.options.recommend import RecommendOptions, add_options, options_of
from engine.data.dataset import Dataset
from engine.data.load import load_dataset
from engine.data.titles import read_titles
from engine.serving.loaded_model import Trained, load_trained
from engine.serving.top_lists import Histories, best_items, histories_of

SHOWN_IDS = 5  # of unknown ones, in a sentence


def recommend(run_dir: Path, options: RecommendOptions) -> None:
    """Answer what `options` ask for. Raises B4RError."""
    experiment = read_run_config(run_dir)
    trained = load_trained(run_dir, experiment, options.pth)
    titles = titles_or_warning(experiment)
    if options.history:
        histories = new_history(trained, options.history)
        say_lists(trained, titles, [None], histories, options.k)
        end(trained, 1)
        return
    dataset = load_dataset(experiment.data)
    trained.check_items(dataset)
    if options.everyone:
        everyone(trained, titles, dataset, options)
    else:
        known_users(trained, titles, dataset, options)


def titles_or_warning(experiment: Experiment) -> Mapping[str, str]:
    """Titles by item id; a damaged file of titles is no reason to refuse an answer."""
    try:
        return read_titles(experiment.data)
    except B4RError as error:
        say(type="warning", message=f"no titles: {error.sentence}")
        return {}


def new_history(trained: Trained, ids: Iterable[str]) -> Histories:
    """Items of a history typed in; unknown ones are left out and told. Raises B4RError where all are unknown."""
    index = {item: number for number, item in enumerate(trained.item_ids)}
    known = [index[one] for one in ids if one in index]
    unknown = [one for one in dict.fromkeys(ids) if one not in index]
    if not known:
        raise B4RError(f"--history: the data have no item {_listed(unknown)}; ids are those of the data set")
    if unknown:
        say(type="warning", message=f"left out of the history, as the data have no item {_listed(unknown)}")
    return Histories.of(np.array(known, dtype=np.int64), np.array([len(known)]))


def known_users(
    trained: Trained, titles: Mapping[str, str], dataset: Dataset, options: RecommendOptions
) -> None:
    """Say the lists of chosen users, all at once. Raises B4RError that names those that the data do not have."""
    found = {user: np.flatnonzero(dataset.user_ids == user) for user in options.users}
    unknown = [user for user, places in found.items() if not len(places)]
    if unknown:
        raise B4RError(f"--user: the data have no user {_listed(unknown)}; ids are those of the data set")
    users = np.concatenate(list(found.values()))
    say_lists(trained, titles, options.users, histories_of(dataset, users, options.as_of), options.k)
    end(trained, len(users))


def say_lists(
    trained: Trained, titles: Mapping[str, str], names: Iterable[str | None], histories: Histories, k: int
) -> None:
    """Say a list for each history, whose user is called as in `names`, or None."""
    block_mb = trained.experiment.evaluation.block_mb
    items, scores = best_items(trained.model, histories, trained.longest, k, block_mb)
    for name, length, row, values in zip(names, histories.lengths.tolist(), items, scores, strict=True):
        found = [
            (trained.item_ids[item], float(score))
            for item, score in zip(row, values, strict=True)
            if item >= 0
        ]
        entries = [
            {"rank": rank, "item": item, "title": titles.get(item), "score": score}
            for rank, (item, score) in enumerate(found, start=1)
        ]
        say(type="recommendations", user=name, history=length, items=entries)


def everyone(
    trained: Trained, titles: Mapping[str, str], dataset: Dataset, options: RecommendOptions
) -> None:
    """Write everybody's lists, a batch at a time."""
    from engine.serving.lists_parquet import write_lists  # pyarrow is slow to import

    path = Path(options.out or "").absolute()
    write_lists(path, trained, titles, dataset, options, Progress())
    end(trained, dataset.num_users, path=str(path))


def end(trained: Trained, users: int, **more: Any) -> None:
    """Say that all is said, and by which model."""
    say(
        type="done",
        run=trained.experiment.name,
        checkpoint=trained.checkpoint,
        epoch=trained.epoch,
        users=users,
        **more,
    )


def main(arguments: list[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m engine.programs.recommend", allow_abbrev=False)
    parser.add_argument("run_dir", type=lambda text: Path(text).absolute(), help="run folder")
    add_options(parser)
    parsed = parser.parse_args(arguments)
    with failures_said():
        recommend(parsed.run_dir, options_of(parsed))


def _listed(ids: list[str]) -> str:
    shown = ", ".join(f"'{one}'" for one in ids[:SHOWN_IDS])
    return shown + (f" and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else "")


if __name__ == "__main__":
    main()
