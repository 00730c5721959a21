"""Readers of files as astronomers have them, into the inputs of the models."""
