"""Results as tables and sentences for all faces; nothing here parses arguments or draws screens."""
