"""What decides an engine's name: the model, the sizes, the target, the builder's options."""
