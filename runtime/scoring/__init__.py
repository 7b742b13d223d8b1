"""Pairs of frames in, scores of every frame out."""
