"""Functions that write the generated parts, one module for each subject."""
