"""Dataset ``cluster_phase_space``."""
