"""Embed the weights of members, and sample new ones: a small reference for methods that learn more.

- `lemur_zoo.embedding.autoencoder`: the auto-encoder, and its training.
- `lemur_zoo.embedding.judging`: what the embedding tells about members, beside their weights.
- `lemur_zoo.embedding.sampling`: weights that are sampled from the embedding, and trained further.
"""
