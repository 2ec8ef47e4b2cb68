"""Loading, saving and merging the file of the editor, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from b4r_tui.app.screens.editor.file_sync import FileSync
from b4r_tui.experiments.editing.document import Document
from engine.contract.errors import B4RError
from tests.b4r_tui.app.scripted_dialogs import ScriptedDialogs

BASE = "[experiments.a]\nmodel.emb_dim = 8\n\ntraining.lr = 1.0\n"
MINE, THEIRS = BASE.replace("8", "16"), BASE.replace("8", "32")
OTHER_KEY = BASE.replace("lr = 1.0", "lr = 2.0")


async def loaded(path: Path, *answers: str | None) -> tuple[FileSync, Document, ScriptedDialogs, list[str]]:
    """A loaded file with what was shown of its document after changes by other programs."""
    path.write_text(BASE)
    document, dialogs, shown = Document("", ""), ScriptedDialogs(*answers), list[str]()
    sync = FileSync(path, document, dialogs, lambda: shown.append(document.text))
    await sync.load()
    return sync, document, dialogs, shown


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "experiments.toml"


async def test_a_saved_document_is_the_file_and_has_no_unsaved_changes(path: Path) -> None:
    sync, document, dialogs, shown = await loaded(path)
    assert not document.undo() and not document.changed and not sync.outdated
    document.change(MINE)
    assert await sync.save()
    assert path.read_text() == MINE and not document.changed and not sync.outdated
    assert not shown and not dialogs.questions and not dialogs.messages


async def test_a_change_by_another_program_is_reloaded_and_can_be_undone(path: Path) -> None:
    sync, document, dialogs, shown = await loaded(path)
    path.write_text(THEIRS)
    assert sync.outdated
    await sync.pull()
    assert shown == [THEIRS] and not document.changed and not sync.outdated
    assert dialogs.messages == ["Another program changed experiments.toml; reloaded."]
    assert document.undo() and document.text == BASE and document.changed


async def test_saving_merges_changes_of_other_keys_first(path: Path) -> None:
    sync, document, dialogs, _ = await loaded(path)
    document.change(MINE)
    path.write_text(OTHER_KEY)
    assert await sync.save()
    assert path.read_text() == document.text == MINE.replace("lr = 1.0", "lr = 2.0")
    assert "merged with your changes" in dialogs.messages[0]


@pytest.mark.parametrize(("answer", "result"), [("k", MINE), (None, MINE), ("t", THEIRS)])
async def test_a_conflict_is_resolved_by_the_user_and_their_version_is_not_written_again(
    path: Path, answer: str | None, result: str
) -> None:
    sync, document, dialogs, shown = await loaded(path, answer)
    document.change(MINE)
    path.write_text(THEIRS)
    written = path.stat().st_mtime_ns
    assert await sync.save() is (answer != "t")
    assert "experiments.a.model.emb_dim" in dialogs.questions[0]
    assert path.read_text() == document.text == result and shown == [result] and not document.changed
    assert (path.stat().st_mtime_ns == written) is (answer == "t")


async def test_a_kept_version_stays_unsaved_and_the_conflict_is_asked_about_once(path: Path) -> None:
    sync, document, dialogs, _ = await loaded(path, "k")
    document.change(MINE)
    path.write_text(THEIRS)
    await sync.pull()
    assert document.text == MINE and document.changed and path.read_text() == THEIRS
    assert not sync.outdated and await sync.save()
    assert path.read_text() == MINE and len(dialogs.questions) == 1


async def test_a_file_that_cannot_be_read_is_reported_and_not_replaced(path: Path) -> None:
    sync, document, *_ = await loaded(path)
    document.change(MINE)
    path.write_bytes(b"\xff")
    with pytest.raises(B4RError, match="is not UTF-8"):
        await sync.save()
    assert path.read_bytes() == b"\xff" and document.changed


async def test_nothing_is_saved_before_the_file_was_read(path: Path) -> None:
    sync = FileSync(path, Document("", ""), ScriptedDialogs(), lambda: None)
    assert not await sync.save() and not path.exists() and not sync.outdated
