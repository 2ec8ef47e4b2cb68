"""Options of the engine's programs: dataclasses, their command-line arguments, and their checks."""
