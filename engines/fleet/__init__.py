"""Many engines at once: listed in TOML, and made again where they have to be."""
