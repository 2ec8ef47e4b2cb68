"""The terminal app and command line: edits, launches, watches and compares BERT4Rec experiments.

It reads and writes files and starts processes; it never imports torch.
"""

__version__ = "0.1.0"
