"""Frozen backbones and their weights, and the discriminator to train against."""
