"""Dataset ``jam_mocks``."""
