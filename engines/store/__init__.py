"""Where engines are kept: files named by what made them, written whole, checked when read."""
