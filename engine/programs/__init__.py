"""Programs that use a trained run: evaluate, measure_fairness, recommend and export_model. Run with `python -m`."""
