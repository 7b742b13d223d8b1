"""What runs a model: ONNX Runtime or a TensorRT engine, on the CPU or a GPU."""
