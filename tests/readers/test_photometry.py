"""MGE of images of known Gaussians, through mgefit."""

import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import CliRunner

from zoo.cli import main
from zoo.errors import InputError
from zoo.readers import mge
from zoo.readers.photometry import mge_from_image

SCALE, ZEROPOINT, SUN = 0.4, 25.0, 4.65
SURF, SIGMA, QOBS = np.array([4000.0, 300.0]), np.array([1.6, 6.0]), 0.7  # Lsun/pc2, arcsec
ARGUMENTS = {"zeropoint": ZEROPOINT, "sun": SUN}


def image(angle, size=161):
    """Counts of two Gaussians whose major axis is `angle` deg from the columns axis."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    a = np.radians(angle)
    along, across = SCALE * (x * np.cos(a) + y * np.sin(a)), SCALE * (y * np.cos(a) - x * np.sin(a))
    radius2 = along**2 + (across / QOBS) ** 2
    density = sum(s * np.exp(-radius2 / 2 / w**2) for s, w in zip(SURF, SIGMA, strict=True))
    magnitude = SUN + 21.5721 - 2.5 * np.log10(density)  # per square arcsec
    return SCALE**2 * 10 ** (0.4 * (ZEROPOINT - magnitude))


def header(rotation=0.0, parity=-1):
    """Celestial WCS whose columns run to the West (parity -1), turned by `rotation` deg."""
    wcs, a = WCS(naxis=2), np.radians(rotation)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [81, 81], [150, 2]
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    wcs.wcs.cd = np.diag([parity, 1]) @ turn * SCALE / 3600
    return wcs.to_header()


@pytest.fixture
def write(tmp_path):
    def write(data, head=None):
        fits.writeto(tmp_path / "image.fits", data, head, overwrite=True)
        return tmp_path / "image.fits"

    return write


def test_two_gaussians(write, tmp_path):
    pytest.importorskip("mgefit")
    data = image(30.0)
    data[5, 7] = np.nan
    table = mge_from_image(write(data, header()), minlevel=1e-3, **ARGUMENTS)
    surf, sigma, qobs = (np.asarray(table[name]) for name in ("surf", "sigma", "qobs"))
    assert qobs == pytest.approx(QOBS, abs=0.02)
    assert table.meta["scale"] == pytest.approx(SCALE, rel=1e-6)
    assert table.meta["pa"] == pytest.approx(120, abs=0.3)
    assert table.meta["eps"] == pytest.approx(0.3, abs=0.02)
    radius = np.array([0.0, 1.0, 3.0, 8.0, 14.0])[:, None]
    ours = np.sum(surf * np.exp(-(radius**2) / 2 / sigma**2), axis=1)
    truth = np.sum(SURF * np.exp(-(radius**2) / 2 / SIGMA**2), axis=1)
    assert ours == pytest.approx(truth, rel=0.03)
    table.write(tmp_path / "mge.ecsv")
    assert mge.read(tmp_path / "mge.ecsv")[0] == pytest.approx(surf)


@pytest.mark.parametrize(
    ("angle", "rotation", "parity", "pa"),
    [(30.0, 0.0, 1, 60.0), (30.0, 25.0, -1, 145.0), (100.0, 0.0, -1, 10.0)],
)
def test_the_position_angle_is_that_of_the_sky(angle, rotation, parity, pa, write):
    """Turning the WCS by 25 deg turns the sky's axes under the same pixels."""
    pytest.importorskip("mgefit")
    path = write(image(angle, 81), header(rotation, parity))
    table = mge_from_image(path, minlevel=1e-2, **ARGUMENTS)
    assert (table.meta["pa"] - pa + 90) % 180 - 90 == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (np.ones((3, 64, 64)), {"scale": 1}, r"shape \(3, 64, 64\), allowed: \(rows, columns\)"),
        (np.ones((64, 20)), {"scale": 1}, r"shape \(64, 20\), allowed: .* at least 32 each"),
        (np.ones((64, 64)), {}, "has no celestial WCS: give scale"),
        (np.ones((64, 64)), {"scale": 0}, r"scale is 0, allowed: \(0, inf\) arcsec"),
        (np.ones((64, 64)), {"scale": 1, "sky": 2}, "no pixel is brighter than sky = 2"),
        (np.ones((64, 64)), {"scale": 1, "fwhm": -1}, r"fwhm is -1, allowed: \[0, inf\) arcsec"),
    ],
)
def test_bad_images(data, arguments, message, write):
    pytest.importorskip("mgefit")
    with pytest.raises(InputError, match=message):
        mge_from_image(write(data), **ARGUMENTS, **arguments)


def test_without_mgefit(monkeypatch, write):
    monkeypatch.setitem(sys.modules, "mgefit", None)
    with pytest.raises(InputError, match="needs mgefit: pip install mgefit"):
        mge_from_image(write(np.ones((64, 64))), **ARGUMENTS)


def test_the_command_writes_what_plot_reads(write, tmp_path):
    pytest.importorskip("mgefit")
    path, out = write(image(30.0), header()), tmp_path / "mge.ecsv"
    options = ["--zeropoint", str(ZEROPOINT), "--sun", str(SUN), "--minlevel", "1e-3"]
    done = CliRunner().invoke(main, ["mge", str(path), *options, "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "pa 119.8 deg, ellipticity 0.300" in done.output
    assert np.all(mge.read(out)[2] < 0.75)
