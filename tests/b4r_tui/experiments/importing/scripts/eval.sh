#!/bin/bash
# A start like that of the original's evaluation, which names LibraryThing and points at MovieLens.
torchx run -s local_cwd dist.ddp \
    -j 1x1 \
    --script src/bert4rec_evaluation.py -- \
    --dataset_name lt \
    --dataset_path datasets/ml-1m \
    --export_root outputs/pths \
    --pth epoch_6_model.pth \
    --mask_prob 0.2 \
    --test_batch_size 8 \
    --max_len 16 \
    --emb_dim 128 \
    --mode dmp
