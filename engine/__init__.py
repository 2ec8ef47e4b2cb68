"""The engine: data, a BERT4Rec on TorchRec, and its training and evaluation under torchrun.

It knows run folders and events; it never imports the terminal app.
"""

from engine.contract.old_names import install

install()
