"""Dark matter in a periodic box: initial conditions, COLA time stepping, haloes."""
