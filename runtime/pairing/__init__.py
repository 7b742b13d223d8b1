"""Which frame is compared with which, and what models are given beside the two."""
