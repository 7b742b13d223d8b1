"""Engines of TensorRT and TensorRT-RTX, found, loaded and run."""
