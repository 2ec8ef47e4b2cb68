"""The results of a run include the mean over the seeds of its settings."""

from __future__ import annotations

from b4r_tui.results.seed_siblings import row_with
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.test_main_screen import cells, opened
from tests.b4r_tui.app.test_programs import tab_text


async def test_a_run_of_a_sweep_shows_the_mean_over_its_seeds(place: Place) -> None:
    text = place.file.read_text()
    place.file.write_text(text.replace('launch.j = "1x2"', 'launch.j = "1x2"\nsweep.seeds = [1, 2, 3]', 1))
    for seed in (1, 2, 3):
        made = place.finished(f"ml-1m-base-s{seed}", f"20251009-08100{seed}-3f2a")
    found = row_with(made.run)
    assert found
    board, row = found
    assert (row.experiment, row.seeds, board.metric) == ("ml-1m-base", (1, 2, 3), "ndcg@10")
    async with place.app().run_test(size=(120, 40)) as pilot:
        app = await opened(pilot)
        await until(pilot, lambda: len(cells(app)) == 1)
        await pilot.press("5")
        await until(pilot, lambda: "3 seeds" in tab_text(app))
        assert f"{row.value:.4f} ± {row.sd:.4f}" in tab_text(app)


def test_a_single_run_has_its_own_row(place: Place) -> None:
    found = row_with(place.finished().run)
    assert found
    assert (found[1].runs, found[1].sd) == (1, None)
    assert row_with(place.failed().run) is None
