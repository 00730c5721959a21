"""Multi-Gaussian expansions against astropy and numerical integrals."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from scipy.integrate import dblquad, quad

from zoo_datasets.simulators import mge


def test_an_arcsecond_in_parsec():
    angle = (16.5 * u.Mpc * (1 * u.arcsec).to_value(u.rad)).to_value(u.pc)
    assert mge.pc_per_arcsec(16.5) == pytest.approx(angle, rel=1e-14)


def test_surface_density_encloses_the_luminosity():
    surf, sigma, qobs = [10.0, 2.0], [1.0, 3.0], [0.5, 0.8]
    total = 4 * dblquad(lambda y, x: mge.surface_density(x, y, surf, sigma, qobs), 0, 30, 0, 30)[0]
    assert total == pytest.approx(2 * np.pi * (10 * 0.5 + 2 * 9 * 0.8), rel=1e-7)


def test_surface_density_along_the_axes():
    along_x = mge.surface_density([0.0, 2.0], 0.0, 7.0, 2.0, 0.5)
    along_y = mge.surface_density(0.0, [0.0, 1.0], 7.0, 2.0, 0.5)
    assert along_x == pytest.approx([7, 7 * np.exp(-0.5)])
    assert along_y == pytest.approx(along_x)
    assert mge.surface_density(np.zeros(3), np.zeros((2, 1)), 7.0, 2.0, 0.5).shape == (2, 3)


@pytest.mark.parametrize("inc", [50.0, 75.0, 90.0])
def test_a_deprojected_gaussian_projects_back(inc):
    """Integrate the intrinsic density along the line of sight at a point off both axes."""
    surf, sigma, qobs, x, y = 5.0, 2.0, 0.7, 1.0, 0.6
    (qintr,) = mge.deproject([qobs], inc)
    density = mge.central_density(surf, sigma, qobs, qintr)
    cos, sin = np.cos(np.radians(inc)), np.sin(np.radians(inc))

    def along_the_line(depth):
        height, across = y * sin + depth * cos, depth * sin - y * cos
        return density * np.exp(-(x**2 + across**2 + (height / qintr) ** 2) / (2 * sigma**2))

    column = quad(along_the_line, -np.inf, np.inf, epsrel=1e-12)[0]
    assert mge.surface_density(x, y, surf, sigma, qobs) == pytest.approx(column, rel=1e-10)


def test_edge_on_nothing_is_deprojected():
    assert mge.deproject([0.2, 1.0], 90) == pytest.approx([0.2, 1.0], rel=1e-14)


def test_what_is_round_stays_round():
    assert mge.deproject([1.0], 20) == pytest.approx([1.0], rel=1e-14)


def test_black_hole_has_its_mass():
    surf, sigma, qobs = mge.black_hole(2.5e6, 0.01, 0.7)
    sigma_pc = sigma * mge.pc_per_arcsec(0.7)
    density = mge.central_density(surf, sigma_pc, qobs, 1.0)
    mass = quad(lambda r: 4 * np.pi * r**2 * np.exp(-(r**2) / (2 * sigma_pc**2)), 0, 20 * sigma_pc)
    assert density * mass[0] == pytest.approx(2.5e6, rel=1e-9)


def test_the_example_is_m32(repository):
    table = QTable.read(repository / "zoo/examples/m32_mge.ecsv")
    assert len(table) == 12
    assert table["surf"].unit == u.Lsun / u.pc**2
    assert table["sigma"].unit == u.arcsec
    assert table.meta["bibcode"] == "2006MNRAS.366.1126C"
    surf, sigma = (table[name].value for name in ("surf", "sigma"))
    assert np.log10(surf[[0, -1]]) == pytest.approx([6.187, 1.618], abs=1e-6)
    assert np.log10(sigma[[0, -1]]) == pytest.approx([-1.762, 2.249], abs=1e-6)
    # a dwarf of M_I = -17 to -17.7 has 2.5 to 5e8 Lsun (the Sun: 4.08)
    light = 2 * np.pi * np.sum(surf * (sigma * mge.pc_per_arcsec(0.7)) ** 2 * table["qobs"])
    assert 2.5e8 < light < 5e8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mge.deproject([0.8, 0.4], 60), r"qobs\[1\] = 0.4 .* cos\(inc\) = 0.5 .* 60 deg"),
        (lambda: mge.deproject([0.8], 0), r"inc = 0 must be in \(0, 90\]"),
        (lambda: mge.deproject([0.8], 91.0), r"inc = 91.0 must be in \(0, 90\]"),
        (lambda: mge.deproject([0.8], np.nan), "inc = nan"),
        (lambda: mge.pc_per_arcsec(0.0), "distance = 0.0 must be positive"),
        (lambda: mge.pc_per_arcsec(np.inf), "distance = inf"),
        (lambda: mge.black_hole(-1.0, 0.01, 1.0), "mbh = -1.0 must be zero or positive"),
        (lambda: mge.black_hole(1.0, 0.0, 1.0), "rbh = 0.0 must be positive"),
        (lambda: mge.checked([1, np.nan], [1, 1], [1, 1]), r"surf\[1\] = nan must be finite"),
        (lambda: mge.checked([1], [-2], [1], "_lum"), r"sigma_lum\[0\] = -2.0 must be positive"),
        (lambda: mge.checked([1], [1], [1.2], "_pot"), r"qobs_pot\[0\] = 1.2 must be in \(0, 1\]"),
        (lambda: mge.checked([1, 2], [1], [1]), r"'surf': \(2,\), 'sigma': \(1,\)"),
        (lambda: mge.checked([], [], []), "one value for each Gaussian"),
        (lambda: mge.checked([[1]], [[1]], [[1]]), "one value for each Gaussian"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
