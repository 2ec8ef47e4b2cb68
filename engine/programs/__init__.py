"""Programs beside training: evaluate, measure_fairness, recommend and export_model. Run with `python -m`."""
