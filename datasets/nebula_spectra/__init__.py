"""Dataset ``nebula_spectra``."""
