"""The flags of the original's scripts, with their defaults there and the settings they correspond to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from b4r_tui.experiments.importing.shell import Remark, Word
from engine.contract.config.validation import nearest


@dataclass(frozen=True)
class Flag:
    """A flag: group of the setting of the same name, default in the original, and how its text is parsed."""

    name: str
    group: str
    default: Any
    read: Callable[[str], Any] = str
    many: bool = False


def _whole(text: str) -> int:
    number = float(text)  # 1e3 and 8.0 count as whole numbers too
    if not number.is_integer():
        raise ValueError
    return int(text) if text.lstrip("+-").isdecimal() else int(number)


FLAGS = {
    flag.name: flag
    for flag in (
        Flag("dataset_name", "data", "ml-1m"),
        Flag("dataset_path", "data", None),
        Flag("min_rating", "data", 0.0, float),
        Flag("min_user_count", "data", 5, _whole),
        Flag("min_item_count", "data", 0, _whole),
        Flag("random_user_count", "data", 10, _whole),
        Flag("random_item_count", "data", 30, _whole),
        Flag("random_size", "data", 300, _whole),
        Flag("max_len", "model", 100, _whole),
        Flag("emb_dim", "model", 256, _whole),
        Flag("nhead", "model", 2, _whole),
        Flag("num_layers", "model", 2, _whole),
        Flag("num_epochs", "training", 100, _whole),
        Flag("lr", "training", 0.001, float),
        Flag("decay_step", "training", 25, _whole),
        Flag("gamma", "training", 1.0, float),
        Flag("weight_decay", "training", 0.0, float),
        Flag("mask_prob", "training", 0.15, float),
        Flag("dupe_factor", "training", 3, _whole),
        Flag("train_batch_size", "training", 128, _whole),
        Flag("export_root", "training", ""),
        Flag("metric_ks", "evaluation", [1, 5, 10, 20, 50, 100], _whole, many=True),
        Flag("val_batch_size", "evaluation", 128, _whole),
        Flag("test_batch_size", "evaluation", 128, _whole),
        Flag("pth", "evaluation", "bert4rec_model"),
        Flag("mode", "launch", "dmp"),
    )
}


@dataclass
class Given:
    """Flags of a command line: values and line numbers by name, and remarks on what was not understood."""

    values: dict[str, Any]
    lines: dict[str, int]
    remarks: list[Remark]


def read_flags(words: Sequence[Word]) -> Given:
    """Parse the flags in the words after the script; of a repeated flag the last counts, as in the original."""
    given = Given({}, {}, [])
    for head, texts in _groups(words):
        spelling = head.text.partition("=")[0]
        flag, problem = (
            _flag_of(spelling) if spelling.startswith("-") else (None, "does not belong to a flag")
        )
        if flag is None:
            shown = " ".join([head.text, *texts])
            given.remarks.append(Remark(head.line, f"{shown}: {problem}; ignored"))
            continue
        value, problem = _value(flag, texts)
        if problem:
            given.remarks.append(Remark(head.line, f"{spelling}: {problem}"))
        if value is not None:
            given.values[flag.name], given.lines[flag.name] = value, head.line
    return given


def _groups(words: Sequence[Word]) -> Iterator[tuple[Word, list[str]]]:
    """Yield each flag with its values, including those of `--flag=value`."""
    head, texts = None, list[str]()
    for word in words:
        if word.text == "--":
            continue
        if head is not None and not _is_flag(word.text):
            texts.append(word.text)
            continue
        if head is not None:
            yield head, texts
        head = word
        texts = [word.text.partition("=")[2]] if _is_flag(word.text) and "=" in word.text else []
    if head is not None:
        yield head, texts


def _is_flag(text: str) -> bool:
    return text.startswith("-") and not text[1:2].isdecimal() and text[1:2] != "."


def _flag_of(spelling: str) -> tuple[Flag | None, str]:
    """Return the flag for a spelling with dashes or underscores, or abbreviated as argparse allows."""
    name = spelling.lstrip("-").replace("-", "_")
    if name in FLAGS:
        return FLAGS[name], ""
    prefixed = [known for known in FLAGS if name and known.startswith(name)]
    if len(prefixed) == 1:
        return FLAGS[prefixed[0]], ""
    if prefixed:
        return None, f"is ambiguous: {', '.join(prefixed)}"
    hint = nearest(name, list(FLAGS))
    return None, "is not a flag of the original" + (f"; {hint}" if hint.startswith("did you mean") else "")


def _value(flag: Flag, texts: list[str]) -> tuple[Any, str]:
    """Return the value of a flag, and the problem with it."""
    if not texts:
        return None, f"has no value; {_instead(flag)}"
    wanted = [part for text in texts for part in text.replace(",", " ").split()] if flag.many else texts[:1]
    more = (
        f"only {texts[0]} is used; {' '.join(texts[1:])} is ignored" if wanted == texts[:1] != texts else ""
    )
    try:
        values = [flag.read(text) for text in wanted]
    except (ValueError, OverflowError):
        kind = "a whole number" if flag.read is _whole else "a number"
        return None, f"{' '.join(texts)!r} is not {kind}; {_instead(flag)}"
    return (values if flag.many else values[0]), more


def _instead(flag: Flag) -> str:
    return "the original's default is used" if flag.default is not None else "set it by hand"
