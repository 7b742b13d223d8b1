"""Arithmetic that several entries share: tensors in, tensors out."""
