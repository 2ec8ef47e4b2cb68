"""The subcommands: each declares its arguments and its act in one `Command`; `table` lists them all.

Nothing here does a command's work: an act imports what does it, when it is asked for.
"""
