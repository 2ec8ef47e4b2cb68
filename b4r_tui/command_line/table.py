"""All subcommands, in the order in which --help lists them."""

<<<<<<< HEAD
from b4r_tui.command_line import after_training, files, queue, results, runs, shell, surroundings, sweeps
=======
from b4r_tui.command_line import after_training, files, queue, results, runs, serve, surroundings, sweeps
>>>>>>> day

COMMANDS = (
    files.VALIDATE,
    files.SCHEMA,
    runs.RUNS,
    runs.SHOW,
    files.LAUNCH,
    queue.QUEUE,
    queue.RETRY,
    queue.DELETE,
    runs.STOP,
    runs.RESUME,
    after_training.EVALUATE,
    after_training.FAIRNESS,
    after_training.RECOMMEND,
    after_training.EXPORT_MODEL,
    results.COMPARE,
    results.EXPORT,
    sweeps.SWEEP,
    serve.SERVE,
    surroundings.DOCTOR,
    surroundings.FETCH,
    files.IMPORT,
    runs.RERUN,
    results.TRACK,
    shell.COMPLETION,
)
