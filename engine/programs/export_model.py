"""Exports a run's model: `python -m engine.programs.export_model RUN_DIR --format pth|onnx [--help]`.

One CPU process without TorchRec or FBGEMM. The file is checked before it appears under its name. Standard output has
JSON lines as in `engine.contract.messages`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import IO, Any

from engine.contract import run_folder
from engine.contract.atomic_files import replacing, write_json
from engine.contract.config.experiment import read_run_config
from engine.contract.errors import B4RError
from engine.contract.messages import emit
from engine.contract.options.export_model import ModelExport, add_options, options_of
from engine.runtime.report import failures_reported, to_stdout
from engine.serving.loaded_model import LoadedModel, load_model

STEPS = 3  # read, write, check


def export(run_dir: Path, options: ModelExport) -> None:
    """Write the file and, in the run's folder `exports/`, a record of it. Raises B4RError."""
    emit("progress", phase="read", step=0, steps=STEPS)
    experiment = read_run_config(run_dir)
    trained = load_model(run_dir, experiment, options.pth)
    folder = run_dir / run_folder.EXPORTS
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"epoch_{trained.epoch}_model.{options.format}"
    path = Path(options.out).absolute() if options.out else folder / name
    try:
        with replacing(path) as file:
            checked = write_and_check(file, trained, options.format)
    except OSError as error:
        raise B4RError(
            f"{path}: cannot be written ({error.strerror or error}); name another --out"
        ) from error
    record = folder / f"{path.name}.json"
    write_json(record, record_of(path, trained, options, checked))
    emit("done", path=str(record))


def write_and_check(file: IO[bytes], trained: LoadedModel, format: str) -> dict[str, Any]:
    """Write the model, compare its scores with the checkpoint's, and return how far apart they are.

    Raises B4RError if they differ too much.
    """
    if format == "pth":  # torch alone; the other format needs packages that are optional
        from engine.serving.pth_export import check_plain as check
        from engine.serving.pth_export import write_plain as write
    else:
        from engine.serving.onnx_export import check_installed
        from engine.serving.onnx_export import check_onnx as check
        from engine.serving.onnx_export import write_onnx as write

        check_installed()
    emit("progress", phase="write", step=1, steps=STEPS)
    write(file, trained)
    file.flush()
    emit("progress", phase="check", step=2, steps=STEPS)
    checked = check(file, trained)
    emit("progress", phase="check", step=STEPS, steps=STEPS)
    return checked


def record_of(
    path: Path, trained: LoadedModel, options: ModelExport, checked: dict[str, Any]
) -> dict[str, Any]:
    """Return what the user of the exported file needs to know about it."""
    return {
        "file": str(path),
        "format": options.format,
        "bytes": path.stat().st_size,
        "experiment": trained.experiment.name,
        "checkpoint": trained.checkpoint,
        "epoch": trained.epoch,
        "items": len(trained.item_ids),
        "longest_history": trained.longest,
        "checked": checked,
    }


def main(arguments: list[str] | None = None) -> None:
    """Export as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m engine.programs.export_model", allow_abbrev=False)
    parser.add_argument("run_dir", type=lambda text: Path(text).absolute(), help="run folder")
    add_options(parser)
    parsed = parser.parse_args(arguments)
    with failures_reported(to_stdout):
        export(parsed.run_dir, options_of(parsed))


if __name__ == "__main__":
    main()
