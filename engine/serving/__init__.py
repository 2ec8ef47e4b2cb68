"""What is done with a trained model: lists for users, and model files for other programs.

One CPU process without torchrun, TorchRec or FBGEMM; it never trains and never changes a checkpoint.
"""
