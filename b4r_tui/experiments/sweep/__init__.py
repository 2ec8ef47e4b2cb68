"""The sweep table of an experiment: options, spaces, and the names of its points."""
