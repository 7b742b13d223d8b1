"""From a graph to a model file: traced, translated, proven."""
