"""The interactive app: one screen or widget a file. It shows snapshots of files and calls the core; no logic here."""
