"""Small Keras blocks, one idea a file: standardisation, context encoders, normalizing flows."""
