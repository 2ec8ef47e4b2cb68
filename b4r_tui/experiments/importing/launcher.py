"""Reads how a command starts the original: through torchx, torchrun or plain Python, and on how many processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from b4r_tui.experiments.importing.shell import Command, Remark, Word

LOCAL = ("local_cwd", "local_docker", "local")
TORCHX_J = "1x2"  # dist.ddp's default
_TORCHRUN_MODULES = ("torch.distributed.run", "torch.distributed.launch")
_SWITCHES = ("standalone", "use_env", "no_python", "dryrun", "wait", "log", "debug")


@dataclass
class Launch:
    """A start of the original. script: the Python file; launch: our settings; arguments: what the script gets."""

    script: Word
    launch: dict[str, Any]
    arguments: list[Word]
    remarks: list[Remark] = field(default_factory=list)
    name: str = ""


def read_launch(command: Command) -> Launch | None:
    """How `command` starts a program like the original, or None where it is something else."""
    for place, word in enumerate(command.words):
        reader = _reader(command.words, place)
        if reader is not None:
            launch = reader(command.words[place:])
            if launch is None:
                return None
            if command.env:
                launch.launch["env"] = {**launch.launch.get("env", {}), **command.env}
            if place and command.words[0].text != "env":
                before = " ".join(each.text for each in command.words[:place])
                launch.remarks.append(Remark(word.line, f"`{before}` before the launcher is left out"))
            return launch
    return None


_Reader = Callable[[Sequence[Word]], "Launch | None"]


def _reader(words: Sequence[Word], place: int) -> _Reader | None:
    program = PurePosixPath(words[place].text).name
    if program == "torchx":
        return _torchx
    if program == "torchrun":
        return lambda words: _torchrun(words[1:])
    if program.startswith("python"):
        return _python
    return None


def _python(words: Sequence[Word]) -> Launch | None:
    rest = [word for word in words[1:] if word.text != "-u"]
    if rest[:1] and rest[0].text == "-m" and len(rest) > 1 and rest[1].text in _TORCHRUN_MODULES:
        return _torchrun(rest[2:])
    if rest[:1] and "bert4rec" in rest[0].text:
        return Launch(rest[0], {"j": "1x1"}, list(rest[1:]))
    if len(rest) > 1 and rest[0].text == "-m" and "bert4rec" in rest[1].text:
        return Launch(rest[1], {"j": "1x1"}, list(rest[2:]))
    return None


def _torchrun(words: Sequence[Word]) -> Launch | None:
    """torchrun [options] script arguments."""
    options, rest = _options(words)
    if not rest:
        return None
    nodes = options.pop("nnodes", Word("1", 0))
    ranks = options.pop("nproc_per_node", Word("1", 0))
    found = Launch(rest[0], {"j": f"{nodes.text}x{ranks.text}"}, list(rest[1:]))
    if not ranks.text.isdecimal():
        found.launch["j"] = f"{nodes.text}x1"
        sentence = f"--nproc-per-node {ranks.text} depends on the machine; 1 is used"
        found.remarks.append(Remark(ranks.line, sentence))
    for name, value in options.items():
        if name not in ("standalone", "m", "module"):
            sentence = f"--{name} {value.text}".rstrip() + ": torchrun is started by b4r-tui; left out"
            found.remarks.append(Remark(value.line, sentence))
    return found


def _torchx(words: Sequence[Word]) -> Launch | None:
    """torchx run [options] dist.ddp [options] --script S -- arguments."""
    ends = [place for place, word in enumerate(words) if word.text == "--"]
    end = ends[0] if ends else len(words)
    head, arguments = words[1:end], list(words[end + 1 :])
    options, _ = _options([word for word in head if word.text not in ("run", "dist.ddp")], all_of_them=True)
    script = options.pop("script", None) or options.pop("m", None)
    if script is None:
        return None
    found = Launch(script, {"j": TORCHX_J}, arguments)
    for name, value in options.items():
        _torchx_option(found, name, value)
    if "dist.ddp" not in [word.text for word in head]:
        found.remarks.append(Remark(words[0].line, "another component than dist.ddp; read as if it were it"))
    return found


def _torchx_option(found: Launch, name: str, value: Word) -> None:
    text = value.text
    if name == "j":
        found.launch["j"] = text
    elif name in ("s", "scheduler"):
        _scheduler(found, value)
    elif name == "gpu" and text.isdecimal():
        found.launch["gpu"] = int(text)
    elif name == "name" and text:
        found.name = text.rpartition("/")[2] or text.strip("/")
    elif name == "env":
        pairs = [pair.partition("=") for pair in text.replace(";", ",").split(",") if "=" in pair]
        found.launch["env"] = {key: inner for key, _, inner in pairs}
    else:
        sentence = f"--{name} {text}".rstrip() + ": has no counterpart here; left out"
        found.remarks.append(Remark(value.line, sentence))


def _scheduler(found: Launch, value: Word) -> None:
    known = value.text in ("slurm", "")
    found.launch["scheduler"] = (
        "local" if value.text in LOCAL else value.text if known else f"torchx:{value.text}"
    )
    if value.text == "local_docker":
        found.remarks.append(
            Remark(value.line, "local_docker: runs are started without a container, as local")
        )


def _options(words: Sequence[Word], all_of_them: bool = False) -> tuple[dict[str, Word], Sequence[Word]]:
    """Options by name with dashes as underscores, and the words from the first that is none of them on.

    all_of_them: words that are no options are passed over. torchrun's -m takes no value, torchx's does.
    """
    options: dict[str, Word] = {}
    place = 0
    while place < len(words) and (all_of_them or words[place].text.startswith("-")):
        word = words[place]
        name, equals, value = word.text.partition("=")
        key = name.lstrip("-").replace("-", "_")
        alone = key in _SWITCHES or (key in ("m", "module") and not all_of_them)
        if not name.startswith("-"):
            pass
        elif equals or alone or place + 1 == len(words):
            options[key] = Word(value, word.line)
        else:
            place += 1
            options[key] = words[place]
        place += 1
    return options, words[place:]
