"""Statistics of periodic boxes against brute force and planted cases."""

import numpy as np
import pytest

from zoo.evaluation import boxes

SIZE = 25.0


def test_counts_in_cells_against_a_loop():
    count = np.random.default_rng(0).poisson(0.3, (8, 8, 8))
    total = [
        count[i : i + 4, j : j + 4, k : k + 4].sum()
        for i in (0, 4) for j in (0, 4) for k in (0, 4)
    ]  # fmt: skip
    expected = np.bincount(total) / 8
    np.testing.assert_allclose(boxes.counts_in_cells(count, 2), expected)
    assert boxes.counts_in_cells(count, 8)[0] == pytest.approx((count == 0).mean())
    with pytest.raises(ValueError, match="cells is 3; needed: a divisor of 8"):
        boxes.counts_in_cells(count, 3)
    with pytest.raises(ValueError, match="no numbers of galaxies"):
        boxes.counts_in_cells(count + 0.5, 2)


def test_planted_voids_are_found():
    n = 32
    axis = (np.arange(n) + 0.0) * SIZE / n
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    field = np.ones((n, n, n))
    planted = {(0.0, 0.0, 0.0): 6.0, (12.5, 12.5, 12.5): 4.5}  # the first crosses all faces
    for centre, radius in planted.items():
        apart = grid - np.array(centre)
        apart -= SIZE * np.round(apart / SIZE)
        field[np.linalg.norm(apart, axis=-1) < radius] = 0
    found = boxes.void_radii(field, SIZE, np.arange(3.5, 10, 0.25))
    # a little larger: a fifth of the mean density lets a shell of the outside in
    expected = np.array(list(planted.values())) * (1 - 0.2 * field.mean()) ** (-1 / 3)
    np.testing.assert_allclose(found, expected, atol=0.3)  # a step, and voxels
    assert len(boxes.void_radii(np.ones((n, n, n)), SIZE, [4.0])) == 0
    with pytest.raises(ValueError, match=r"needed: 0.78125 to 12.5"):
        boxes.void_radii(field, SIZE, [0.1])


def test_galaxies_belong_to_the_heaviest_halo_around_them():
    rng = np.random.default_rng(1)
    galaxy, halo = rng.random((300, 3)) * SIZE, rng.random((20, 3)) * SIZE
    mass, radius = 10 ** rng.uniform(11, 14, 20), rng.uniform(1, 6, 20)
    expected = np.zeros(20, int)
    for position in galaxy:
        apart = halo - position
        apart -= SIZE * np.round(apart / SIZE)
        inside = np.flatnonzero(np.linalg.norm(apart, axis=1) < radius)
        if len(inside):
            expected[inside[np.argmax(mass[inside])]] += 1
    assert 0 < expected.sum() < 300
    found = boxes.members(galaxy, halo, mass, radius, SIZE)
    np.testing.assert_array_equal(found, expected)
    assert boxes.members(galaxy, halo, mass, radius, SIZE, reach=2).sum() > found.sum()
    everyone = boxes.members(galaxy, halo, mass, radius, SIZE, strays=2 * SIZE)
    assert everyone.sum() == len(galaxy)
    assert (everyone >= found).all()
    assert boxes.members(np.zeros((0, 3)), halo, mass, radius, SIZE).sum() == 0
    assert boxes.members(galaxy, np.zeros((0, 3)), [], [], SIZE).shape == (0,)
    with pytest.raises(ValueError, match="20 positions, 19 masses and 20 radii"):
        boxes.members(galaxy, halo, mass[1:], radius, SIZE)


def test_occupation_of_a_poisson_rule():
    rng = np.random.default_rng(2)
    log_mass = rng.uniform(11, 14, 30_000)
    number = rng.poisson(10 ** (0.9 * (log_mass - 12.5)))
    edges = np.linspace(11, 15, 9)
    found = boxes.halo_occupation(10**log_mass, number, edges)
    assert found.haloes.sum() == 30_000
    assert np.isnan(found.mean[-2:]).all()
    lower, upper = edges[:6], edges[1:7]
    truth = (10 ** (0.9 * (upper - 12.5)) - 10 ** (0.9 * (lower - 12.5))) / (
        0.9 * np.log(10) * (upper - lower)
    )
    np.testing.assert_allclose(found.mean[:6], truth, rtol=0.08)
    assert (found.variance[:6] > 0.9 * found.mean[:6]).all()


def test_bands_of_gaussian_boxes():
    values = np.random.default_rng(3).normal([1.0, 5.0], [0.1, 2.0], (4000, 2))
    found = boxes.band(values, 0.6827)
    np.testing.assert_allclose(found.median, [1, 5], rtol=0.02)
    np.testing.assert_allclose(found.high - found.low, [0.2, 4.0], rtol=0.06)
    np.testing.assert_allclose(found.error, np.array([0.1, 2.0]) / np.sqrt(4000), rtol=0.05)
    assert np.isnan(boxes.band(values[:1]).error).all()
