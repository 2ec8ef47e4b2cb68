"""Print the table of baselines in evaluation.md: MovieLens 100K, leave-two-out, test split, with 95 % intervals.

python -m docs.make_baselines [FOLDER OF ml-100k]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from engine.contract.config.data import DataConfig
from engine.contract.config.experiment import Experiment
from engine.contract.ranks.intervals import bootstrap
from engine.contract.ranks.metrics import per_user
from engine.data.load import load_dataset
from engine.distributed.process_group import process_group
from engine.evaluation.measure import Measure

METRICS = ("recall@10", "ndcg@10", "mrr")
PROTOCOLS = ["full", "popular-100", "uniform-100"]


def rows(folder: Path) -> Iterator[str]:
    """Yield the table's lines in Markdown."""
    data = DataConfig(dataset_name="ml-100k", dataset_path=str(folder))
    experiment = Experiment.model_validate(
        {"name": "baselines", "data": data.model_dump(), "evaluation": {"protocols": PROTOCOLS}}
    )
    yield f"| protocol | baseline | {' | '.join(METRICS)} |"
    yield "|---|---|" + "---|" * len(METRICS)
    with process_group(0) as group:
        baselines = Measure(load_dataset(data), experiment, group).baselines("test")
    for protocol in PROTOCOLS:
        for name, ranks in baselines.items():
            values = bootstrap(per_user(ranks[protocol], [10]))
            cells = (
                f"{m['value']:.4f} [{m['low']:.4f}, {m['high']:.4f}]" for m in map(values.get, METRICS) if m
            )
            yield f"| {protocol} | {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.writelines(
        f"{row}\n" for row in rows(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/ml-100k"))
    )
