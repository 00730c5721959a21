"""Mock galaxy clusters in projected phase space: NumPy and SciPy, float64, no TensorFlow.

Lengths are comoving Mpc/h, velocities km/s, masses log10 of M200c in Msun/h throughout. The line of
sight is the z axis: every cluster has a random orientation.
"""
