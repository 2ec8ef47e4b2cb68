"""The processes that accompany a run while it trains: the supervisor, torchrun and the backends."""
