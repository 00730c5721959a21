"""Dataset ``desi_spectra``."""
