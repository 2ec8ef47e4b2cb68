"""The losses that training minimises, one per file, each a sum over the targets of a batch.

They see hidden vectors and the model's output layer, and do not know how many ranks there are.
"""
