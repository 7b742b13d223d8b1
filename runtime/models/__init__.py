"""Which model file computes what was asked for: shipped, cached, or exported on first use."""
