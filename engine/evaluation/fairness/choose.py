"""Finds the requested groups of users and items: in side files, a csv, or the data set itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError
from engine.contract.options.fairness import ITEM_GROUPS, USER_GROUPS
from engine.data.dataset import Dataset
from engine.evaluation.fairness.group_file import read_group_file
from engine.evaluation.fairness.groups import Groups, popularity_fifths
from engine.evaluation.fairness.side_files import has_side_file, read_side_file


def user_groups(wanted: str | None, config: DataConfig, dataset: Dataset) -> Groups:
    """Return the groups of all users. wanted: a kind, a csv's path, or None for gender if known. Raises B4RError.

    Popularity counts a user's training interactions, so the most popular fifth is the most active.
    """
    counts = dataset.train_ends() - dataset.offsets[:-1]
    return _choose(wanted, USER_GROUPS, config, dataset.user_ids, counts)


def item_groups(wanted: str | None, config: DataConfig, dataset: Dataset) -> Groups:
    """Return the groups of all items, like `user_groups`; None stands for genre if known."""
    return _choose(wanted, ITEM_GROUPS, config, dataset.item_ids, dataset.popularity)


def _choose(
    wanted: str | None, kinds: tuple[str, ...], config: DataConfig, known: np.ndarray, counts: np.ndarray
) -> Groups:
    """Return the groups. kinds: the first is the default. known: (n,) ids. counts: (n,) training interactions."""
    if wanted is None:
        usual = has_side_file(config.dataset_name, config.dataset_path, kinds[0])
        wanted = kinds[0] if usual else "popularity"
    if wanted == "popularity":
        return popularity_fifths(counts)
    if wanted in kinds:
        return read_side_file(config.dataset_name, config.dataset_path, wanted, known)
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise B4RError(f"{wanted}: not found; use {', '.join(kinds)} or a csv of groups")
    return read_group_file(path, known)
