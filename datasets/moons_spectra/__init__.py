"""Dataset ``moons_spectra``."""
