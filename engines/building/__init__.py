"""From a model to engines in a store, each built in a process that may die."""
