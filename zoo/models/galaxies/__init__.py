"""Models that put galaxies into boxes of dark matter."""
