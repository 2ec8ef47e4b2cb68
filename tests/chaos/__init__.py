"""Starts small runs, kills and breaks at random what runs them, and checks what is left."""
