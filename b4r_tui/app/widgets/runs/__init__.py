"""The table of runs: columns, cells, order and filter."""
