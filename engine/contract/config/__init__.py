"""The settings of an experiment, one module per group: types, ranges, defaults, help and checks in one place."""
