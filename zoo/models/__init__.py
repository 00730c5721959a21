"""Model definitions: one module and one card per model, in a folder per family."""
