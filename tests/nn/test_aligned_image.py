"""Images turned to their galaxy's axes and folded."""

import numpy as np
import pytest

from zoo.nn.aligned_image import AlignedQuadrant

SIZE = 16
STEPS = np.arange(SIZE) - (SIZE - 1) / 2
HALF = np.arange(SIZE // 2) + 0.5
Y, X = np.meshgrid(STEPS, STEPS, indexing="ij")
INSIDE = np.hypot(HALF[:, None], HALF) <= (SIZE - 1) / 2


def turned(image, angle):
    layer = AlignedQuadrant(SIZE, dtype="float64", name="aligned")
    found = layer({"image": image[None], "position_angle": np.array([angle])})
    return np.asarray(found)[0]


@pytest.mark.parametrize("angle", [0.0, 23.0, 90.0, 140.0])
def test_a_quadratic_is_turned_exactly(angle):
    """Cubic convolution keeps polynomials of second degree."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = X * cos + Y * sin, Y * cos - X * sin
    expected = HALF**2 + 3 * HALF[:, None] ** 2
    inner = np.hypot(HALF[:, None], HALF) <= SIZE / 2 - 2  # all pixels that it reads exist
    found = turned(along**2 + 3 * across**2, angle)
    np.testing.assert_allclose(found[inner], expected[inner], rtol=1e-10)


def test_the_mean_of_four_reflections():
    image = np.random.default_rng(2).normal(size=(SIZE, SIZE))
    four = image[::-1, ::-1], image[::-1], image[:, ::-1], image
    expected = np.mean([part[SIZE // 2 :, SIZE // 2 :] for part in four], axis=0)
    np.testing.assert_allclose(turned(image, 0.0)[INSIDE], expected[INSIDE], rtol=1e-12)


def test_nothing_beyond_the_circle():
    found = turned(np.ones((SIZE, SIZE)), 37.0)
    np.testing.assert_allclose(found, INSIDE.astype(float), rtol=1e-12)
