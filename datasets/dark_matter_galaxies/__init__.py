"""Dark matter and galaxies in periodic boxes: toy suites, and the real CAMELS."""
