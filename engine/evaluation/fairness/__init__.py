"""Joint multisided exposure fairness: how evenly rankings expose groups of items to groups of users.

It works on ranked lists as arrays and sparse matrices, knows nothing of models, devices or process groups, and never
imports torch. After Wu, Mitra, Ma, Diaz, Liu: Joint multisided exposure fairness for recommendation
(SIGIR 2022).
"""
