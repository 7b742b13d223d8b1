"""Frames in, scores out."""
