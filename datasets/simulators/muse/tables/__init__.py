"""Tables that the simulator of MUSE spectra reads, and the script that derives them."""
