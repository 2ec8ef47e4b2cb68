"""Joint multisided exposure fairness: how evenly rankings show groups of items to groups of users.

Works on ranked lists as arrays and sparse matrices; it knows nothing of models, devices or process groups, and
never imports torch. After Wu, Mitra, Ma, Diaz, Liu: Joint multisided exposure fairness for recommendation
(SIGIR 2022).
"""
