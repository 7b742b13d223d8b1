"""Sets of samples: read, scored by protocols, resumed, and reported."""
