"""Binning on a logarithmic grid, against loops over pixels."""

import numpy as np
import pytest

from zoo.nn.log_rebin import LogRebin

START, STOP, BINS = 4000.0, 5000.0, 40


def spectra(n=3, pixels=200, seed=0):
    rng = np.random.default_rng(seed)
    wave = np.sort(rng.uniform(3900, 5100, (n, pixels)), axis=1)
    return {
        "flux": rng.normal(size=(n, pixels)),
        "ivar": rng.uniform(0.5, 2, (n, pixels)),
        "wavelength": wave,
    }


def by_hand(flux, ivar, wavelength):
    edges = np.geomspace(START, STOP, BINS + 1)
    light, weight = np.zeros(BINS), np.zeros(BINS)
    for f, v, w in zip(flux, ivar, wavelength, strict=True):
        inside = np.flatnonzero((edges[:-1] <= w) & (w < edges[1:]))
        if len(inside) and v > 0 and np.isfinite(f):
            light[inside[0]] += f * v
            weight[inside[0]] += v
    return np.divide(light, weight, out=np.zeros(BINS), where=weight > 0), weight


def layer(dtype="float64"):
    return LogRebin(START, STOP, BINS, dtype=dtype)


def test_against_a_loop():
    given = spectra()
    given["ivar"][0, :50] = 0
    given["flux"][0, :50] = np.nan  # of a masked pixel nothing is asked
    given["wavelength"][1, 150:] = np.nan
    given["ivar"][1, 150:] = np.nan
    given["flux"][1, 150:] = np.nan
    found = layer()(given)
    for row in range(3):
        flux, ivar = by_hand(*(given[n][row] for n in ("flux", "ivar", "wavelength")))
        np.testing.assert_allclose(found["flux"][row], flux, atol=1e-12)
        np.testing.assert_allclose(found["ivar"][row], ivar, rtol=1e-12)


def test_shared_wavelengths():
    given = spectra()
    wave = given["wavelength"][0]
    shared = layer()(given | {"wavelength": wave})
    own = layer()(given | {"wavelength": np.tile(wave, (3, 1))})
    np.testing.assert_array_equal(shared["flux"], own["flux"])


def test_noise_is_what_ivar_says():
    rng = np.random.default_rng(1)
    wave = np.linspace(START, STOP, 400, endpoint=False)
    ivar = np.tile(rng.uniform(0.5, 4, 400), (4000, 1))
    found = layer("float32")(
        {"flux": rng.normal(size=ivar.shape) / np.sqrt(ivar), "ivar": ivar, "wavelength": wave}
    )
    chi = np.asarray(found["flux"]) * np.sqrt(found["ivar"])
    assert np.abs(chi.std(axis=0) - 1).max() < 0.06  # five errors of a deviation of 4,000
    neighbours = np.corrcoef(chi.T)[np.arange(BINS - 1), np.arange(1, BINS)]
    assert np.abs(neighbours).max() < 0.08


def test_centres_and_an_empty_batch():
    grid = layer()
    assert np.allclose(np.diff(np.log(grid.wavelength)), grid.step)
    assert grid.wavelength[0] == pytest.approx(START * np.exp(grid.step / 2))
    found = grid({n: np.zeros((0, 7)) for n in ("flux", "ivar", "wavelength")})
    assert found["flux"].shape == (0, BINS)


@pytest.mark.parametrize("grid", [(0, 10, 5), (10, 5, 5), (1, 2, 0)])
def test_impossible_grid(grid):
    with pytest.raises(ValueError, match="0 < start < stop"):
        LogRebin(*grid)
