"""Uses a trained model: recommends lists to users, and exports model files for other programs.

It needs one CPU process without torchrun, TorchRec or FBGEMM, and never changes a checkpoint.
"""
