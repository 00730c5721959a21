"""Near-infrared spectra of galaxies as MOONS will take them: stars, gas, dust, sky and noise."""
