"""What `predictions/*.parquet` means: ranks of users, metrics of ranks, confidence intervals."""
