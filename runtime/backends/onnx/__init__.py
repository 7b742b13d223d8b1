"""ONNX Runtime, on the CPU or on an NVIDIA GPU."""
