"""Scores of models against the truth: errors, calibration, domain shift, learning curves.

The modules take plain arrays and depend on NumPy, SciPy and astropy; plots need matplotlib.
"""
