"""From finished runs to tables: leaderboards, comparisons, exports and pandas tables.

It reads run folders and never changes them.
"""

from b4r_tui.results.frames import load, load_epochs

__all__ = ["load", "load_epochs"]
