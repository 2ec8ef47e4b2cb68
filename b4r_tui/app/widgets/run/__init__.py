"""The tabs that show one run."""
