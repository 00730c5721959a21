"""Compact tables of the spectra simulator, and the script that derives them."""
