"""Dynamical models of galaxies: Jeans models and their emulators."""
