"""How numbers are written, and which columns fit."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.text import Text

from b4r_tui.app.widgets.drawing import fitted, progress_bar
from b4r_tui.app.widgets.palette import DARK
from b4r_tui.app.widgets.run.curve_data import epoch_ticks, value_range, value_ticks
from b4r_tui.app.widgets.runs.columns import COLUMNS, Contents
from b4r_tui.app.widgets.runs.layout import columns_for
from b4r_tui.app.widgets.runs.look import Look
from b4r_tui.common.event_lines import event_line
from b4r_tui.common.format import NOTHING, decimal, duration, loss, memory, metric_label, rate
from engine.contract.events import Epoch


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (0.2, "0s"), (59.6, "1m 00s"), (200, "3m 20s"), (3900, "1h 05m"), (183600, "2d 03h")],
)
def test_durations_take_six_characters_at_most(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown
    assert len(shown) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (float("nan"), "–"), (7.28345, "7.283"), (12.3, "12.30"), (12345.6, "12346")],
)
def test_losses_have_four_digits(value: float | None, shown: str) -> None:
    assert loss(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(87.31, "87.3"), (1240.0, "1,240"), (15600.0, "15.6k")])
def test_rates_are_short(value: float, shown: str) -> None:
    assert rate(value) == shown


@pytest.mark.parametrize("fraction", [-1.0, 0.0, 0.004, 0.5, 0.999, 1.0, 2.0])
def test_a_bar_keeps_its_width_and_is_full_only_at_the_end(fraction: float) -> None:
    drawn = progress_bar(fraction, 16, "green", "grey50")
    assert cell_len(drawn.plain) == 16
    assert ("100%" in drawn.plain) is (fraction >= 1)


def test_wide_characters_are_cut_at_their_cells() -> None:
    assert cell_len(fitted(Text("評価評価評価"), 7).plain) == 7
    assert fitted(Text("7"), 3, right=True).plain == "  7"


@pytest.mark.parametrize("all_runs", [False, True])
@pytest.mark.parametrize("width", [40, 60, 77, 87, 120, 200])
@pytest.mark.parametrize("protocol", ["full", "popular-100"])
def test_columns_fit_the_width_and_the_run_stays(width: int, all_runs: bool, protocol: str) -> None:
    columns = columns_for(COLUMNS, Contents([], Look(0.0, DARK, protocol), width, all_runs))
    keys = [column.key for column in columns]
    assert {"state", "run", "progress", "metric"} <= set(keys)
    assert ("experiment" in keys) is all_runs
    if width >= 77:
        assert sum(column.width + 1 for column in columns) <= width


def test_columns_go_in_the_order_of_their_priorities() -> None:
    look = Look(0.0, DARK, "full")
    priorities = {column.key: column.priority for column in COLUMNS if column.priority and not column.short}
    gone: list[str] = []
    for width in range(200, 30, -1):
        keys = {column.key for column in columns_for(COLUMNS, Contents([], look, width))}
        gone += [key for key in priorities if key not in keys and key not in gone]
    gone = [key for key in gone if key not in ("gpu", "note")]  # nothing in them
    assert gone == sorted(gone, key=lambda key: priorities[key] or 0) and gone[0] == "memory"


def test_states_lose_their_word_before_numbers_go() -> None:
    columns = {width: columns_for(COLUMNS, Contents([], Look(0.0, DARK), width)) for width in range(40, 120)}
    short = [width for width, fit in columns.items() if next(c for c in fit if c.key == "state").width == 1]
    assert short and all(column.key != "memory" for width in short for column in columns[width])
    assert len(columns[max(short)]) == len(columns[max(short) + 1])


def test_a_value_is_the_same_in_a_line_and_in_a_table() -> None:
    epoch = Epoch(
        epoch=0, epochs=2, train_loss=12.3456, lr=1e-3, seconds=1.0, sequences_per_second=15_600.0, metrics={}
    )
    line = event_line(epoch)
    assert loss(epoch.train_loss) in line and rate(epoch.sequences_per_second) in line


@pytest.mark.parametrize(
    ("name", "label"), [("ndcg@10", "NDCG@10"), ("recall@5", "Recall@5"), ("mrr", "MRR"), ("arp", "ARP")]
)
def test_labels_of_metrics(name: str, label: str) -> None:
    assert metric_label(name) == label


@pytest.mark.parametrize(("megabytes", "shown"), [(None, "–"), (812.0, "812 MB"), (12_800.0, "12.5 GB")])
def test_memory_is_short(megabytes: float | None, shown: str) -> None:
    assert memory(megabytes) == shown


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_a_number_is_a_dash(value: float | None) -> None:
    assert {decimal(value), loss(value), rate(value), duration(value)} == {NOTHING}


@pytest.mark.parametrize("last", [2, 3, 7, 13, 20, 100, 1000, 1_000_000])
def test_ticks_of_epochs_are_few_whole_and_end_at_the_last(last: int) -> None:
    ticks = epoch_ticks(1, last)
    assert ticks[0] == 1 and ticks[-1] == last and len(ticks) <= 7
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize(
    ("first", "last", "ticks"), [(10.5, 11.5, [11]), (3.0, 4.0, [3, 4]), (5.0, 5.9, [5])]
)
def test_ticks_of_a_few_epochs_stand_there_once(first: float, last: float, ticks: list[float]) -> None:
    assert epoch_ticks(first, last) == ticks


@pytest.mark.parametrize(
    "values", [[0.5], [0.0], [], [float("nan"), 1.0], [5.1, 7.4], [0.026, 0.41], [1e-9, 2e-9]]
)
def test_ticks_of_values_lie_within_the_plot(values: list[float]) -> None:
    low, high = value_range(values)
    assert low < high
    ticks = value_ticks(low, high)
    assert 1 <= len(ticks) <= 6
    assert all(low <= tick <= high for tick in ticks)
