"""The engine's programs as function calls: evaluate, fairness, recommend and export_model."""
