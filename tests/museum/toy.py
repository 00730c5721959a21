"""The smallest network that has everything a release can have; it never changes."""

import keras


def build(dtype="float32", units=2):
    """Two layers from `x` to `y`."""
    x = keras.Input((), dtype=dtype, name="x")
    column = keras.layers.Reshape((1,), dtype=dtype, name="column")(x)
    hidden = keras.layers.Dense(units, "tanh", dtype=dtype, name="hidden")(column)
    y = keras.layers.Dense(1, dtype=dtype, name="answer")(hidden)
    return keras.Model({"x": x}, {"y": keras.layers.Reshape((), dtype=dtype, name="y")(y)})


def example():
    """One object."""
    return {"x": 0.5}
