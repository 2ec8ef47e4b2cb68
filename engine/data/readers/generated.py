"""Readers without a file: interactions generated from the settings alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from engine.contract.config.data import DataConfig
from engine.data import fingerprint


@dataclass(frozen=True)
class Generated:
    """A generator of interactions. version: raised whenever equal settings would give other rows."""

    draw: Callable[[DataConfig], pd.DataFrame]
    version: int

    def fingerprint(self, config: DataConfig) -> str:
        """Return a digest of the settings that `read` uses."""
        return fingerprint.of_settings(
            generator=config.dataset_name,
            version=self.version,
            users=config.random_user_count,
            items=config.random_item_count,
            size=config.random_size,
            seed=config.seed,
        )

    def read(self, config: DataConfig) -> pd.DataFrame:
        """Return the interactions; equal settings always give equal ones."""
        return self.draw(config)
