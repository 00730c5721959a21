"""What `jam_photometry` is compared with: models of the same inputs and outputs."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo import registry, saving
from zoo.models.jam import jam_photometry, photometry_check
from zoo.models.jam.jam_photometry import SIDE
from zoo.models.jam.photometry_check import positions
from zoo.models.jam.photometry_layers import PIXEL, PIXELS, Parameters
from zoo.nn import sersic_fit


def linear(data, modes=32, ridge=1e-6):
    """Least squares from folded photometry and parameters to the amplitudes."""
    quadrant = keras.Input((SIDE, SIDE), name="quadrant")
    parameters = keras.Input((Parameters.count,), name="parameters")
    flat = keras.layers.Flatten(name="flat")(quadrant)
    joined = keras.layers.Concatenate(name="joined")([flat, parameters])
    amplitudes = keras.layers.Dense(modes, trainable=False, name="linear")(joined)
    network = keras.Model([quadrant, parameters], amplitudes, name="network")
    model = jam_photometry.assembled(network)
    image, known = jam_photometry.prepared(model, data)
    x = np.concatenate([image.reshape(len(image), -1), known], axis=1).astype(np.float64)
    truth = jam_photometry.targets(data)
    model.get_layer("modes").adapt(truth)
    y = model.get_layer("modes").project(truth)
    mean, middle = x.mean(axis=0), y.mean(axis=0)
    x = x - mean
    normal = x.T @ x
    normal += ridge * np.trace(normal) / len(normal) * np.eye(len(normal))
    kernel = np.linalg.solve(normal, x.T @ (y - middle))
    linear = model.get_layer("network").get_layer("linear")
    linear.set_weights([kernel, middle - mean @ kernel])
    return model


def fit_then_emulate():
    """What a Sersic fit and the emulator with its two numbers make of the same inputs."""
    card, name = registry.find_card("jam_cyl_emulator")
    emulator = saving.rebuild(card, registry.find_release(name).path)
    inputs = jam_photometry.entries()
    found = SersicNumbers(name="fit")(inputs)
    known = {name: tensor for name, tensor in inputs.items() if name != "photometry"}
    vrms = emulator(known | found)["vrms"]
    vrms = keras.layers.Reshape((PIXELS, PIXELS), name="map")(vrms)
    return keras.Model(inputs, {"vrms": vrms}, name="fit_then_emulate")


class SersicNumbers(keras.layers.Layer):
    """Sersic index and axis ratio of the photometry, and the positions of its pixels."""

    def call(self, inputs):
        """Fit both; centre, radius, normalisation and orientation are known."""
        x, y = (ops.cast(axis.ravel(), "float32") for axis in positions(PIXELS, PIXEL))
        angle = (inputs["position_angle"] * (np.pi / 180))[:, None]
        radius = inputs["r_sersic"][:, None]
        cos, sin = ops.cos(angle) / radius, ops.sin(angle) / radius
        some = photometry_check.chosen(PIXELS)
        log_image = ops.log(ops.reshape(inputs["photometry"], (-1, PIXELS**2)))
        along, across = x * cos + y * sin, y * cos - x * sin
        image, x_some, y_some = (ops.take(v, some, axis=1) for v in (log_image, along, across))
        p = sersic_fit.fit(image, x_some, y_some, free=("n", "ln_q"), ops=ops)
        shape = ops.ones_like(radius)
        numbers = {"n_sersic": p["n"][:, 0], "q_light": ops.exp(p["ln_q"][:, 0])}
        return numbers | {"x": x * shape, "y": y * shape}

    def compute_output_spec(self, inputs):
        """(batch,) each, and (batch, pixels)."""
        batch = inputs["ml"].shape[0]
        shapes: dict[str, tuple] = dict.fromkeys("xy", (batch, PIXELS**2))
        shapes |= dict.fromkeys(("n_sersic", "q_light"), (batch,))
        return {n: keras.KerasTensor(s, dtype=self.compute_dtype) for n, s in shapes.items()}
