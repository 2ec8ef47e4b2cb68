"""BERT4Rec on a TorchRec EmbeddingCollection, its weights at birth and its loss.

It never knows how many ranks there are.
"""
