"""Ways to pose the problem of `jam_photometry` with and without each symmetry.

A way is a triple of functions: what a network reads of data, what it is to answer, and the maps
that follow from its answers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from zoo.models.jam import jam_photometry as own
from zoo.nn.aligned_image import AlignedQuadrant
from zoo.nn.polar import PolarBasis, PolarModes

DIRECT = 128  # principal components where the target is the map itself, which turns
UNIT = {"ml": (0.5, 8.0), "intensity_e": (50.0, 5000.0), "distance": (3.0, 200.0)}

Data = dict[str, np.ndarray]
Way = tuple[Callable[[Data], list], Callable[[Data], np.ndarray], Callable[..., np.ndarray]]


class Targets:
    """Principal components of arrays (n, maps, R, A), and maps from their amplitudes."""

    def __init__(self, values: np.ndarray, modes: int = 32) -> None:
        basis = PolarBasis(own.RADII, own.ANGLES, (24, 12))
        self.layer = PolarModes(modes, values.shape[1], basis, name="modes")
        self.layer.adapt(values)

    def maps(self, amplitudes: np.ndarray, data: Data) -> np.ndarray:
        """Values (n, maps, lower half of the pixels)."""
        place = own.Pixels(name="pixels")
        out = []
        for rows in shares(len(amplitudes)):
            part = {n: data[n][rows] for n in own.SCALARS}
            at = {n: ops.cast(v, "float32") for n, v in place(part).items()}
            out.append(np.asarray(self.layer({"amplitudes": amplitudes[rows], **at})))
        return np.concatenate(out)


def shares(count: int) -> list[np.ndarray]:
    """Row numbers, a few hundred at a time."""
    return np.array_split(np.arange(count), max(1, count // 200))


def vrms(log_values: np.ndarray, data: Data) -> np.ndarray:
    """Maps [km/s] (n, 64, 64) from ln Vrms / sqrt(scale) on their lower halves."""
    lower = np.exp(log_values) * np.sqrt(own.scale(data))[:, None]
    return np.concatenate([lower, lower[:, ::-1]], axis=1).reshape(-1, own.PIXELS, own.PIXELS)


def images(
    data: Data, relative: bool = True, turned: bool = True, folded: bool = True
) -> np.ndarray:
    """Photometry (n, side, side) as a network reads it."""
    aligned, subtract = (
        AlignedQuadrant(own.PIXELS, name="aligned"),
        own.RelativePhotometry(name="r"),
    )
    steps = np.arange(own.PIXELS) - (own.PIXELS - 1) / 2
    y, x = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    inside = np.hypot(x, y) <= (own.PIXELS - 1) / 2
    out = []
    for rows in shares(len(data["ml"])):
        part = {n: data[n][rows] for n in ("photometry", *own.SCALARS)}
        image = np.asarray(subtract(part) if relative else np.log(part["photometry"]))
        angle = part["position_angle"].astype("float32")
        if folded and turned:
            image = aligned({"image": image, "position_angle": angle})
        elif turned:
            cos, sin = np.cos(np.radians(angle))[:, None], np.sin(np.radians(angle))[:, None]
            at = (np.asarray(v, "float32") for v in (x * cos - y * sin, x * sin + y * cos))
            image = np.reshape(aligned.sample(image, *at) * inside, image.shape)
        out.append(np.asarray(image, "float32"))
    return np.concatenate(out)


def parameters(data: Data) -> np.ndarray:
    """What the perceptron is told, (n, 5), 1 / (1 - beta_z) first."""
    return np.asarray(own.Parameters(name="parameters")({n: data[n] for n in own.SCALARS}))


def orientation(data: Data) -> np.ndarray:
    """Position angle as (n, 2) numbers of period 180 degrees."""
    twice = np.radians(2 * data["position_angle"])
    return np.stack([np.cos(twice), np.sin(twice)], axis=1)


def everything(train: Data, **how: bool) -> Way:
    """The model of the card; `how` changes the image."""
    targets = Targets(own.targets(train))
    return (
        lambda data: [images(data, **how), parameters(data)],
        lambda data: targets.layer.project(own.targets(data)),
        lambda found, data: vrms(targets.maps(found, data)[:, 0], data),
    )


def linear_in_b(train: Data) -> Way:
    """In addition Vrms^2 = G0 [1 + (b - 1) rho], with G0 and rho learned without beta_z."""

    def truth(data: Data) -> np.ndarray:
        rho = own.circular(data["rho_polar"], data["q_light"])
        b = 1 / (1 - data["beta_z"].astype(float))[:, None, None]
        half_log_g0 = own.targets(data)[:, 0] - 0.5 * np.log(1 + (b - 1) * rho)
        return np.stack([half_log_g0, rho], axis=1)

    targets = Targets(truth(train))

    def maps(found: np.ndarray, data: Data) -> np.ndarray:
        half_log_g0, rho = np.swapaxes(targets.maps(found, data), 0, 1)
        b = 1 / (1 - data["beta_z"])[:, None]
        return vrms(half_log_g0 + 0.5 * np.log(np.maximum(1 + (b - 1) * rho, 1e-6)), data)

    return (
        lambda data: [images(data), parameters(data)[:, 1:]],
        lambda data: targets.layer.project(truth(data)),
        maps,
    )


def without_reflection(train: Data) -> Way:
    """The image is turned but not folded, and each quadrant of the map is predicted by itself."""
    targets = Targets(own.targets(train))

    def maps(found: np.ndarray, data: Data) -> np.ndarray:
        place = own.Pixels(name="pixels")({n: data[n] for n in own.SCALARS})
        x, y = np.asarray(place["x"]), np.asarray(place["y"])
        four = [targets.maps(part, data)[:, 0] for part in np.split(found, 4, axis=1)]
        lower = np.choose((x < 0) + 2 * (y < 0), four)
        upper = np.choose((x > 0) + 2 * (y > 0), four)  # opposite every pixel of the lower half
        halves = [vrms(half, data)[:, : own.PIXELS // 2] for half in (lower, upper)]
        return np.concatenate([halves[0], halves[1][:, ::-1, ::-1]], axis=1)

    return (
        lambda data: [images(data, folded=False), parameters(data)],
        lambda data: np.tile(targets.layer.project(own.targets(data)), 4),
        maps,
    )


def without_scales(train: Data) -> Way:
    """M/L, brightness and distance vary and are told as logarithms; ln Vrms itself is learned."""

    def drawn(data: Data) -> Data:
        rng = np.random.default_rng(len(data["ml"]))  # the same galaxies get the same units
        ends = {n: np.log(e) for n, e in UNIT.items()}
        return data | {n: np.exp(rng.uniform(*e, len(data["ml"]))) for n, e in ends.items()}

    def half_log_scale(data: Data) -> np.ndarray:
        return 0.5 * np.log(own.scale(drawn(data)))

    def truth(data: Data) -> np.ndarray:
        return own.targets(data) + half_log_scale(data)[:, None, None, None]

    targets = Targets(truth(train))

    def inputs(data: Data) -> list:
        told = np.log(np.stack([drawn(data)[n] for n in UNIT], axis=1))
        return [images(data), np.concatenate([parameters(data), told], axis=1)]

    def maps(found: np.ndarray, data: Data) -> np.ndarray:
        # Judged in the mocks' own units, as all the others: the factor is known exactly.
        values = targets.maps(found, data)[:, 0] - half_log_scale(data)[:, None]
        return vrms(values, data)

    return inputs, lambda data: targets.layer.project(truth(data)), maps


def pixels(train: Data, **how: bool) -> Way:
    """The map is learned pixel by pixel, as principal components; the position angle is told."""

    def truth(data: Data) -> np.ndarray:
        lower = data["vrms"][:, : own.PIXELS // 2].reshape(len(data["vrms"]), -1).astype(float)
        return np.log(lower) - 0.5 * np.log(own.scale(data))[:, None]

    mean = truth(train).mean(axis=0)
    vectors = np.linalg.svd(truth(train) - mean, full_matrices=False)[2][:DIRECT]

    def inputs(data: Data) -> list:
        return [images(data, **how), np.concatenate([parameters(data), orientation(data)], axis=1)]

    return (
        inputs,
        lambda data: (truth(data) - mean) @ vectors.T,
        lambda found, data: vrms(mean + found @ vectors, data),
    )


def without_components(train: Data) -> Way:
    """Every point of the quadrant is an output."""
    targets = Targets(own.targets(train), modes=96)  # only to interpolate from there to the pixels
    shape = (-1, 1, own.RADII.size, own.ANGLES.size)
    mean = own.targets(train).mean(axis=0)

    def maps(found: np.ndarray, data: Data) -> np.ndarray:
        amplitudes = targets.layer.project(found.reshape(shape) + mean).astype("float32")
        return vrms(targets.maps(amplitudes, data)[:, 0], data)

    return (
        lambda data: [images(data), parameters(data)],
        lambda data: (own.targets(data) - mean).reshape(len(data["ml"]), -1),
        maps,
    )


ABLATIONS: dict[str, Callable[[Data], Way]] = {
    "as the card": everything,
    "and linear in b = 1 / (1 - beta_z)": linear_in_b,
    "without reflection": without_reflection,
    "without M/L, brightness and distance scales": without_scales,
    "without polar quadrant: pixels of the map": pixels,
    "without position angle: image not turned, pixels of the map": lambda train: pixels(
        train, turned=False
    ),
    "without principal components": without_components,
    "ln I not relative to a profile": lambda train: everything(train, relative=False),
}
