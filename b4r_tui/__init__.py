"""The terminal app and command line: edits, launches, watches and compares BERT4Rec experiments.

It reads and writes files and starts processes; it never imports torch.
"""

from engine.contract.old_names import install

__version__ = "0.1.0"

install()
