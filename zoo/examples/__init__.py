"""Small published galaxies to try the models on."""
