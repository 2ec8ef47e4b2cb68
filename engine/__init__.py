"""The engine: data, a BERT4Rec model on TorchRec, and its training and evaluation under torchrun.

It writes run folders and events, and never imports the terminal app.
"""

from engine.contract.old_names import install

install()
