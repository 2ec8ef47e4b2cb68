"""Parses how a command starts the original: through TorchX, torchrun or plain Python, and on how many processes."""

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
    """A launch of the original. script: its Python file; launch: our settings; arguments: those of the script."""

    script: Word
    launch: dict[str, Any]
    arguments: list[Word]
    remarks: list[Remark] = field(default_factory=list)
    name: str = ""


def read_launch(command: Command) -> Launch | None:
    """Return how `command` launches the original, or None if it is another command."""
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
                launch.remarks.append(Remark(word.line, f"`{before}` before the launcher is ignored"))
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
    """Parse `torchrun [options] script arguments`."""
    options, rest = _options(words)
    if not rest:
        return None
    nodes = options.pop("nnodes", Word("1", 0))
    ranks = options.pop("nproc_per_node", Word("1", 0))
    parsed = Launch(rest[0], {"j": f"{nodes.text}x{ranks.text}"}, list(rest[1:]))
    if not ranks.text.isdecimal():
        parsed.launch["j"] = f"{nodes.text}x1"
        sentence = f"--nproc-per-node {ranks.text} depends on the machine; using 1"
        parsed.remarks.append(Remark(ranks.line, sentence))
    for name, value in options.items():
        if name not in ("standalone", "m", "module"):
            sentence = f"--{name} {value.text}".rstrip() + ": ignored, since b4r-tui starts torchrun itself"
            parsed.remarks.append(Remark(value.line, sentence))
    return parsed


def _torchx(words: Sequence[Word]) -> Launch | None:
    """Parse `torchx run [options] dist.ddp [options] --script S -- arguments`."""
    ends = [place for place, word in enumerate(words) if word.text == "--"]
    end = ends[0] if ends else len(words)
    head, arguments = words[1:end], list(words[end + 1 :])
    options, _ = _options([word for word in head if word.text not in ("run", "dist.ddp")], all_of_them=True)
    script = options.pop("script", None) or options.pop("m", None)
    if script is None:
        return None
    parsed = Launch(script, {"j": TORCHX_J}, arguments)
    for name, value in options.items():
        _torchx_option(parsed, name, value)
    if "dist.ddp" not in [word.text for word in head]:
        parsed.remarks.append(Remark(words[0].line, "not the component dist.ddp; treated as if it were"))
    return parsed


def _torchx_option(parsed: Launch, name: str, value: Word) -> None:
    text = value.text
    if name == "j":
        parsed.launch["j"] = text
    elif name in ("s", "scheduler"):
        _scheduler(parsed, value)
    elif name == "gpu" and text.isdecimal():
        parsed.launch["gpu"] = int(text)
    elif name == "name" and text:
        parsed.name = text.rpartition("/")[2] or text.strip("/")
    elif name == "env":
        pairs = [pair.partition("=") for pair in text.replace(";", ",").split(",") if "=" in pair]
        parsed.launch["env"] = {key: inner for key, _, inner in pairs}
    else:
        sentence = f"--{name} {text}".rstrip() + ": has no counterpart here; ignored"
        parsed.remarks.append(Remark(value.line, sentence))


def _scheduler(parsed: Launch, value: Word) -> None:
    known = value.text in ("slurm", "")
    parsed.launch["scheduler"] = (
        "local" if value.text in LOCAL else value.text if known else f"torchx:{value.text}"
    )
    if value.text == "local_docker":
        parsed.remarks.append(
            Remark(value.line, "local_docker: runs start without a container, as with local")
        )


def _options(words: Sequence[Word], all_of_them: bool = False) -> tuple[dict[str, Word], Sequence[Word]]:
    """Return the options by name, dashes as underscores, and the words from the first non-option on.

    all_of_them: skip words that are not options. The option -m takes no value in torchrun, but one in torchx.
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
