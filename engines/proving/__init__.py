"""Whether an engine is whole, belongs to its model, and computes what the model does."""
