"""BERT4Rec, its initial weights and its losses. Nothing here knows how many ranks there are.

`bert4rec` is the reference model, `kernels` the interface to what computes a training step, `cpu` a fast implementation
of it. Names of tensors end in their shape, one letter per dimension:

T  tokens of a batch or a chunk, one sequence after another
N  targets: the tokens whose items are predicted
D  emb_dim, the width of embeddings and layers
V  items of the vocabulary, or those of one block of it
R  rows, one per sequence, padded to one length
L  positions of a padded row; Q where they are queries, K where they are keys
H  attention heads
W  width of a head, D / H
B  rows × heads, the batch of an attention
"""
