"""Modal questions and messages, each with a typed answer."""
