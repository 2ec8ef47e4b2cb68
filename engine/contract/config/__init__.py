"""The settings of an experiment, a file a group: type, range, default, help and checks in one place."""
