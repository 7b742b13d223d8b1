"""Memory and arrays on an NVIDIA GPU."""
