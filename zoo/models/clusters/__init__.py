"""Models of galaxy clusters: masses from positions and velocities of their galaxies."""
