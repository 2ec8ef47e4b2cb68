"""All that `b4r_tui` may import of the engine: settings, options, events, messages, errors, file names. No torch."""
