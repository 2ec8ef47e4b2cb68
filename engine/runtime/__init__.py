"""What every program needs around its work: run context, reports, precision, environment, logs, checkpoints."""
