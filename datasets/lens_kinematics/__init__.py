"""Dataset ``lens_kinematics``."""
