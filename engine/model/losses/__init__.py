"""What training makes small: one loss a file, each a sum over the targets of a batch.

They see hidden vectors and the model's output layer; they never know how many ranks there are.
"""
