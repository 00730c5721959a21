"""Dataset ``nebula_lines``."""
