"""The interactive app: it shows snapshots of files and calls the core; one screen or widget per file, no logic here.

Imports marked "deferred" are inside functions because the first paint must not wait for pydantic, numpy or the engine.
"""
