"""The fast training step on CPUs, behind one door: `kernels`. Nothing outside imports another module of this folder.

From the door inwards: `chunked_loss` and `encoder` divide a batch into `chunks`, one worker thread each,
`transformer` and `softmax` compute a chunk, and `layers`, `attention`, `head_layout`, `dropout_masks` and
`gradient_buffers` are what these are made of. Tests compare everything with the reference,
`engine.model.kernels.AutogradKernels`.

Names of tensors end in their shape by the letters of `engine.model`: T tokens, N targets, D emb_dim, V items, R rows
(one per sequence), H heads, B rows × heads, L, Q and K positions of a padded row (any, queries, keys), W width of a
head; P are the targets with rows that fill them up.
"""
