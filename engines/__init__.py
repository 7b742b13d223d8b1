"""Models in, TensorRT engines out."""
