"""The physics that makes the mocks: NumPy, SciPy and astropy in float64.

Files here import neither TensorFlow, TensorFlow Datasets, Keras nor ``zoo``.
"""
