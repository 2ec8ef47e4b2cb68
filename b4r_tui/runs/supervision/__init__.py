"""What stays beside a run while it trains: the supervisor, torchrun and the backends."""
