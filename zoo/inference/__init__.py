"""Fitting data with a differentiable model."""
