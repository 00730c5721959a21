"""Galaxy and nebula spectra."""
