"""Writes the files that the compatibility tests read: a runs root, an experiments file and the app's state.

    PYTHONPATH=CHECKOUT python -m tests.compatibility.make_fixture --checkout CHECKOUT OUT

It drives the checkout only by its command line, so any version can write a fixture. Run it with the version before a
change of format or layout, and commit what it writes. Paths, host and variables of this machine become placeholders.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pexpect
import psutil

EXPERIMENTS = """\
[defaults.data]
dataset_name = "synthetic"
random_user_count = 40
random_item_count = 40
random_size = 500

[defaults.model]
max_len = 12
emb_dim = 16
nhead = 2
num_layers = 1

[defaults.training]
num_epochs = 2
train_batch_size = 8
dupe_factor = 1
mask_prob = 0.3
keep_checkpoints = 1

[defaults.evaluation]
metric_ks = [1, 10]
protocols = ["full", "popular-10"]

[defaults.launch]
gpu = 0
threads = 1

[experiments.finished]
description = "Finished, with the results of all programs; the losses that the stopped run must reach"
training.num_epochs = 6
training.train_batch_size = 2

[experiments.stopped]
extends = "finished"

[experiments.failed]
training.lr = 1e30

[experiments.sharded]
launch.j = "1x2"
launch.mode = "dmp"
training.train_batch_size = 4

[experiments.queued]
training.num_epochs = 1
"""
SLURM_EXPERIMENT = """
[experiments.slurm]
extends = "queued"
launch.scheduler = "slurm"
"""
BINARIES = "binaries.tar.xz"
SBATCH = "#!/bin/sh\necho 17\n"
SCONTROL = "#!/bin/sh\necho JobId=17 JobState=PENDING Reason=Priority ExitCode=0:0 Restarts=0\n"


class Checkout:
    """One version of the program, run in a scratch folder with an environment of its own."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder = folder
        self.checkout = checkout
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        for name, text in (("sbatch", SBATCH), ("scontrol", SCONTROL), ("scancel", "#!/bin/sh\n")):
            (bin_folder / name).write_text(text)
            (bin_folder / name).chmod(0o755)
        self.env = {
            "PATH": f"{bin_folder}:/usr/bin:/bin",
            "PYTHONPATH": str(checkout),
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "B4R_CACHE": str(folder / "cache"),
            "LANG": "C.UTF-8",
        }

    def call(self, *arguments: str, check: bool = True) -> str:
        """Run one command of b4r-tui; its standard output."""
        command = [sys.executable, "-m", "b4r_tui", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            sys.exit(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def latest(self, experiment: str) -> Path:
        """The folder of the newest run of an experiment."""
        return max((self.folder / "runs" / experiment).iterdir())


def main() -> None:
    """Make all runs with the checkout, take this machine out of them, and put them to OUT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        version = Checkout(arguments.checkout.resolve(), Path(name).resolve())
        make(version)
        shutil.rmtree(arguments.out, ignore_errors=True)
        arguments.out.mkdir(parents=True)
        for part in ("experiments.toml", "recommended.json", "runs", "state"):
            if (version.folder / part).is_dir():
                shutil.copytree(version.folder / part, arguments.out / part)
            else:
                shutil.copy2(version.folder / part, arguments.out / part)
        prune(arguments.out)
        pack_binaries(arguments.out)
        forget_machine(arguments.out, version)


def make(version: Checkout) -> None:
    """Leave a run in each state a version can meet, and the files that the app and the queue keep."""
    file = version.folder / "experiments.toml"
    file.write_text(EXPERIMENTS + SLURM_EXPERIMENT)
    foreground = ("finished", "failed", "sharded")
    version.call("--run", file.name, "--only", *foreground, check=False)
    run_programs(version)
    stop_halfway(version, file)
    leave_slurm_job(version, file)
    version.call("queue", "pause")
    version.call("queue", "limit", "--at-once", "2")
    version.call("launch", file.name, "--only", "queued", "--priority", "2")
    open_app(version)
    kill_processes(version)


def run_programs(version: Checkout) -> None:
    """Evaluate the finished run again, measure its fairness, recommend and export."""
    version.call("evaluate", "finished", "--protocols", "full", "uniform-5")
    version.call("fairness", "finished", "--samples", "5", "--temperatures", "1")
    lists = version.call("recommend", "finished", "--user", "1", "2", "-k", "3", "--json")
    (version.folder / "recommended.json").write_text(lists)
    version.call("export-model", "finished")


def stop_halfway(version: Checkout, file: Path) -> None:
    """Stop a run after its second epoch, within a later one."""
    version.call("launch", file.name, "--only", "stopped")
    events = version.latest("stopped") / "events.jsonl"
    wait_for(lambda: events.exists() and events.read_text().count('"type":"epoch"') >= 2)
    status = json.loads((version.latest("stopped") / "status.json").read_text())
    os.kill(
        status["supervisor_pid"], signal.SIGTERM
    )  # `b4r-tui stop` does the same, but takes longer to start
    wait_for(lambda: (version.latest("stopped") / "exit.json").exists())


def leave_slurm_job(version: Checkout, file: Path) -> None:
    """Submit a run to a stand-in of Slurm, where it waits."""
    version.call("launch", file.name, "--only", "slurm")
    status = version.latest("slurm") / "status.json"
    wait_for(lambda: bool(json.loads(status.read_text())["job"]))


def kill_processes(version: Checkout) -> None:
    """Kill the runner and the supervisor of the waiting job, as a restart of the machine does."""
    for process in psutil.process_iter(["cmdline"]):
        if "-m" in (words := process.info["cmdline"] or []) and str(version.folder) in " ".join(words):
            process.kill()


def open_app(version: Checkout) -> None:
    """Open the app and leave it, so that it writes its state."""
    app = pexpect.spawn(
        sys.executable,
        ["-m", "b4r_tui"],
        cwd=str(version.folder),
        env={**version.env, "TERM": "xterm-256color"},  # type: ignore[arg-type]  # a plain mapping is fine
        dimensions=(40, 120),
        timeout=300,
    )
    app.expect("finished")  # an experiment on the screen
    app.send("j")
    time.sleep(2)
    app.send("q")
    app.expect(pexpect.EOF)


def wait_for(condition) -> None:
    """Wait until the condition holds, five minutes at most."""
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("it did not happen within five minutes")
        time.sleep(0.02)


def prune(out: Path) -> None:
    """Delete large files that no test reads: training states of finished runs, pictures, other epochs."""
    for run in (out / "runs").glob("*/*"):
        best = run / "checkpoints" / "best.json"
        epoch = json.loads(best.read_text())["epoch"] if best.exists() else -1
        for path in run.glob("checkpoints/epoch_*.pth"):
            if path.name != f"epoch_{epoch}_model.pth":
                path.unlink()
        for path in [*run.glob("fairness/*.svg"), *run.glob("exports/*.pth")]:
            path.unlink()
        if run.parent.name == "sharded":  # events.jsonl has its metrics too
            (run / "summary.json").unlink()
            (run / "metrics.json").unlink()
        if run.parent.name != "stopped":
            shutil.rmtree(run / "checkpoints" / "last", ignore_errors=True)


def pack_binaries(out: Path) -> None:
    """Move checkpoints and predictions into one compressed archive."""
    with tarfile.open(out / BINARIES, "w:xz") as archive:
        for folder in [*out.glob("runs/*/*/checkpoints"), *out.rglob("predictions")]:
            archive.add(folder, folder.relative_to(out), filter=_anonymous)
            shutil.rmtree(folder)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def forget_machine(out: Path, version: Checkout) -> None:
    """Put placeholders for everything that only this machine has, and drop locks."""
    words = {
        str(version.folder): "@ROOT@",
        str(version.checkout): "@CHECKOUT@",
        sys.executable: "@PYTHON@",
        sys.prefix: "@PREFIX@",
        platform.node(): "@HOST@",
    }
    for path in sorted(out.rglob("*")):
        if not path.is_file() or path.name == BINARIES:
            continue
        if path.name.endswith(("lock", ".lock", "wake")) or path.name == "runner.log":
            path.unlink()
            continue
        data = path.read_bytes()
        for word, placeholder in words.items():
            data = data.replace(word.encode(), placeholder.encode())
        path.write_bytes(data)


if __name__ == "__main__":
    main()
