"""The meaning of `predictions/*.parquet`: ranks of users, metrics of ranks, confidence intervals."""
