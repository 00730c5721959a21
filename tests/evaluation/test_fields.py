"""Statistics of periodic fields against cases with known answers."""

import numpy as np
import pytest
import scipy.fft

from zoo.evaluation import fields

SIZE = 25.0


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).poisson(2.0, (32, 32, 32)).astype(float)


def test_poisson_points_have_shot_noise(points):
    found = fields.power_spectrum(points, SIZE)
    noise = SIZE**3 / points.sum()
    weighted = np.average(found.power, weights=found.modes)
    assert weighted == pytest.approx(noise, rel=0.03)
    none = fields.power_spectrum(points, SIZE, shot_noise=noise)
    np.testing.assert_allclose(none.power, found.power - noise)


def test_a_plane_wave_lies_in_its_shell():
    n, mode, height = 16, 3, 0.2
    wave = 1 + height * np.cos(2 * np.pi * mode * np.arange(n) / n)[:, None, None]
    found = fields.power_spectrum(wave * np.ones((n, n, n)), SIZE)
    total = (found.power * found.modes).sum() / SIZE**3
    assert total == pytest.approx(height**2 / 2)  # Parseval: the variance
    best = np.argmax(found.power)
    assert found.k[best] == pytest.approx(mode * 2 * np.pi / SIZE, rel=0.1)


def test_two_dimensions_obey_parseval(points):
    flat = points.sum(axis=0)
    found = fields.power_spectrum(flat, SIZE, edges=np.array([0.5, 40]) * 2 * np.pi / SIZE)
    variance = fields.contrast(flat).var()
    assert (found.power * found.modes).sum() / SIZE**2 == pytest.approx(variance, rel=1e-6)


def test_window_of_nearest_cell_is_undone():
    # points on a fine lattice, counted in coarse cells, against the fine count
    rng = np.random.default_rng(1)
    axis = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    density = np.exp(np.sin(4 * axis))[:, None, None] * np.ones((128, 4, 4))
    fine = np.repeat(np.repeat(density, 32, 1), 32, 2)
    coarse = fine.reshape(32, 4, 32, 4, 32, 4).sum((1, 3, 5)) + 0 * rng.random()
    k = fields.power_spectrum(coarse, SIZE).k
    exact = fields.power_spectrum(fine, SIZE)
    undone = fields.power_spectrum(coarse, SIZE, window=1)
    at = np.argmin(abs(k - 4 * 2 * np.pi / SIZE))
    assert undone.power[at] == pytest.approx(exact.power[at], rel=5e-3)


def test_correlation_of_a_field_with_itself_and_with_noise(points):
    k, r = fields.cross_correlation(points, points, SIZE)
    np.testing.assert_allclose(r, 1)
    other = np.random.default_rng(9).poisson(2.0, points.shape)
    _, none = fields.cross_correlation(points, other, SIZE)
    assert abs(none[k > 2].mean()) < 0.03
    _, t = fields.transfer(points, points, SIZE)
    np.testing.assert_allclose(t, 1)


def test_bispectrum_of_a_squared_gaussian():
    # d = g + b (g^2 - <g^2>): B(k,k,k) = 6 b P(k)^2 to leading order
    rng = np.random.default_rng(2)
    n, b = 48, 0.02
    ratio = []
    for _ in range(6):
        g = rng.standard_normal((n, n, n))
        spectrum = scipy.fft.rfftn(g)
        f = scipy.fft.fftfreq(n, 1 / n)
        k = np.sqrt(
            f[:, None, None] ** 2 + f[None, :, None] ** 2 + f[None, None, : n // 2 + 1] ** 2
        )
        spectrum[..., :] *= np.abs(k[..., : spectrum.shape[-1]]) < 8
        g = scipy.fft.irfftn(spectrum, s=(n, n, n))
        g *= 0.05 / g.std()
        field = 1 + g + b / 0.05 * (g**2 - np.mean(g**2))
        edges = np.array([5, 7]) * 2 * np.pi / SIZE
        _, value = fields.equilateral_bispectrum(field, SIZE, edges)
        power = fields.power_spectrum(1 + g, SIZE, edges=edges).power
        ratio.append(value[0] / (6 * b / 0.05 * power[0] ** 2))
    assert np.mean(ratio) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("field", "message"),
    [(np.ones((4, 4, 5)), "needed: \\(n, n, n\\)"), (np.zeros((4, 4, 4)), "mean of 0")],
)
def test_impossible_fields_are_named(field, message):
    with pytest.raises(ValueError, match=message):
        fields.power_spectrum(field, SIZE)
