"""Engines by TensorRT's own builder."""
