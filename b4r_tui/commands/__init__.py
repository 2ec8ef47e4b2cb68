"""The command line: one module per command, with its arguments and its action.

`registry` maps the commands' names to their modules. Only the module of the command that is asked for is imported.
"""
