"""The formats of exported leaderboards, apart from their writers, so that screens and the command can list them."""

SUFFIXES = {
    ".csv": "csv",
    ".md": "md",
    ".tex": "latex",
    ".html": "html",
    ".json": "json",
    ".parquet": "parquet",
}
FORMATS = tuple(SUFFIXES.values())
