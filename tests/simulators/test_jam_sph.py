"""JAM with spherical alignment against the Jeans equations, JAM_cyl, jampy 8 and 9, and itself."""

import json
import os
import subprocess

import numpy as np
import pytest
from astropy.table import QTable
from scipy.integrate import quad

from zoo_datasets.simulators import jam_cyl, sersic_mock, sersic_mock_sph
from zoo_datasets.simulators.jam_cyl_terms import G
from zoo_datasets.simulators.jam_sph import vrms
from zoo_datasets.simulators.mge import pc_per_arcsec

DISTANCE = 16.5
PC = pc_per_arcsec(DISTANCE)
LUM = np.array([[2000.0, 300.0], [2.0, 8.0], [0.65, 0.75]])
POT = np.array([[7000.0, 800.0], [1.5, 20.0], [0.7, 0.9]])
X, Y = np.array([0.3, 2.0, 6.0, 12.0]), np.array([0.2, 3.0, -1.0, 9.0])
JAMPY9_PYTHON = os.environ.get("ZOO_BENCH_JAMPY9_PYTHON")  # before the tests hide all of ours
FINE = {"angles": 48, "shell": 0.25, "nodes": 64, "step": 0.15}


def worst(values, truth):
    return np.max(np.abs(np.asarray(values) / truth - 1))


def galaxies(count, seed=1):
    rng = np.random.default_rng(seed)
    return [sersic_mock_sph.draw(rng) for _ in range(count)]


def arguments(galaxy, radii=4, angles=4):
    """Inputs of `vrms` for a Sersic mock, on every so many points of its polar quadrant."""
    x, y = (v[::radii, ::angles].ravel() for v in sersic_mock.polar_positions(galaxy))
    return (*sersic_mock.mges(galaxy), galaxy["inclination"], 0.0, galaxy["distance"], x, y)


# --- against the Jeans equations, integrated by other means


class Galaxy:
    """Second moments of LUM in POT, step by step, with the arcsec as the unit of length.

    Nothing is shared with the code under test but the physics: forces by Chandrasekhar's integral
    over confocal spheroids; nu sigma_r^2 by quadrature along the characteristics of the Jeans
    equations, sin(theta) ~ r^-(1 - beta); <v_phi^2> from the radial equation by numerical
    differentiation (the solver takes the other one); the projection from its three components.
    """

    def __init__(self, inc, beta):
        self.sin, self.cos = np.sin(np.radians(inc)), np.cos(np.radians(inc))
        self.beta = beta
        self.light, self.mass = self.intrinsic(LUM), self.intrinsic(POT)

    def intrinsic(self, expansion):
        surf, sigma, qobs = expansion
        q = np.sqrt(qobs**2 - self.cos**2) / self.sin
        return surf * qobs / (np.sqrt(2 * np.pi) * sigma * q), sigma, q

    def tracer(self, R, z):
        return sum(
            nu * np.exp(-(R**2 + (z / q) ** 2) / (2 * sigma**2))
            for nu, sigma, q in zip(*self.light, strict=True)
        )

    def force(self, R, z):
        """dPhi/dR and dPhi/dz by the integral of Chandrasekhar 1969, ch. 3, at (...)."""
        node, weight = np.polynomial.legendre.leggauss(80)
        v = 0.5 * (node + 1)  # t = (v / (1 - v))**2 from 0 to infinity
        t, dt = (v / (1 - v)) ** 2, v / (1 - v) ** 3 * weight
        R, z = R[..., None], z[..., None]
        along, up = 0.0, 0.0
        for rho, sigma, q in zip(*self.mass, strict=True):
            m2 = R**2 / (1 + t) + z**2 / (q**2 + t)
            shell = dt * q * rho * np.exp(-m2 / (2 * sigma**2)) / ((1 + t) * np.sqrt(q**2 + t))
            along = along + np.sum(shell * R / (1 + t), axis=-1)
            up = up + np.sum(shell * z / (q**2 + t), axis=-1)
        return 2 * np.pi * G * along, 2 * np.pi * G * up

    def radial(self, r, theta):
        """Return nu sigma_r^2 at (...)."""
        node, weight = np.polynomial.legendre.leggauss(48)
        length = np.log(np.hypot(r, 9 * self.light[1].max()) / r)[..., None]
        s = length * (0.5 * (node + 1)) ** 2
        ds = length * 0.5 * (node + 1) * weight
        out = r[..., None] * np.exp(s)
        sine = np.sin(theta)[..., None] * np.exp(-(1 - self.beta) * s)
        R, z = out * sine, out * np.sqrt(1 - sine**2)
        grows = np.exp(2 * self.beta * s)
        return np.sum(grows * self.tracer(R, z) * self.force(R, z)[1] * out**2 / z * ds, axis=-1)

    def moments(self, r, theta):
        """Return nu times sigma_r^2, sigma_theta^2 and <v_phi^2> at (...)."""
        step = 1e-2
        near = self.radial(r * np.exp(step * np.arange(-2, 3)[:, None]), np.array([theta] * 5))
        slope = np.tensordot([1, -8, 0, 8, -1], near, 1) / (12 * step)
        R, z = r * np.sin(theta), r * np.cos(theta)
        along, up = self.force(R, z)
        inwards = self.tracer(R, z) * (R * along + z * up)
        v_theta2 = (1 - self.beta) * near[2]
        return near[2], v_theta2, slope + 2 * near[2] - v_theta2 + inwards

    def vrms(self, x, y, points=61):
        """Vrms [km/s] at one position of the sky, trapezoid rule along the line of sight."""
        end = np.arcsinh(8 * self.light[1].max())
        u = np.linspace(-end, end, points)
        line = np.sinh(u)
        across, z = line * self.sin - y * self.cos, line * self.cos + y * self.sin
        R, r = np.hypot(x, across), np.sqrt(x**2 + y**2 + line**2)
        v_r2, v_theta2, v_phi2 = self.moments(r, np.arccos(np.abs(z) / r))
        share_r = (line / r) ** 2
        share_phi = (x * self.sin / R) ** 2
        second = share_r * v_r2 + share_phi * v_phi2 + (1 - share_r - share_phi) * v_theta2
        weight = np.cosh(u)
        ratio = np.sum(weight * second) / np.sum(weight * self.tracer(R, z))
        return np.sqrt(ratio * PC)


@pytest.mark.parametrize(("inc", "beta"), [(60.0, 0.3), (90.0, -0.4), (75.0, 0.0)])
def test_jeans_equations(inc, beta):
    galaxy = Galaxy(inc, beta)
    slow = [galaxy.vrms(a, b) for a, b in zip(X, Y, strict=True)]
    fine = vrms(*LUM, *POT, inc, 0.0, DISTANCE, X, Y, beta=beta, **FINE)
    assert worst(fine, slow) < 1e-6
    assert worst(vrms(*LUM, *POT, inc, 0.0, DISTANCE, X, Y, beta=beta), slow) < 5e-5


def test_anisotropic_sphere():
    """Spherical Jeans equation with constant anisotropy (Binney & Tremaine 2008, eq. 4.216)."""
    sigma, mass, beta, radius = 2.0 * PC, 1e10, 0.35, 1.3 * PC

    def nu(r):
        return np.exp(-(r**2) / (2 * sigma**2))

    def v_r2(r):  # in the field of a point mass
        pull = quad(lambda s: s ** (2 * beta - 2) * nu(s), r, 10 * sigma, epsrel=1e-11)[0]
        return G * mass * pull / (r ** (2 * beta) * nu(r))

    def weighted(z, moment):
        r = np.hypot(radius, z)
        return nu(r) * (v_r2(r) * (1 - beta * (radius / r) ** 2) if moment else 1.0)

    above, below = (quad(weighted, 0, 9 * sigma, (m,), epsrel=1e-9)[0] for m in (1, 0))
    position = 1.3 * np.array([0.6]), 1.3 * np.array([-0.8])
    hole = {"beta": beta, "rbh": 1e-3}
    ours = vrms(50, 2, 1, 0, 1, 1, 40, mass, DISTANCE, *position, **hole)[0]
    assert ours == pytest.approx(np.sqrt(above / below), rel=1e-5)
    fine = vrms(50, 2, 1, 0, 1, 1, 40, mass, DISTANCE, *position, **hole, **FINE)[0]
    assert fine == pytest.approx(np.sqrt(above / below), rel=2e-7)


# --- where both alignments coincide


def test_isotropic_sersic_galaxies_agree_with_cylindrical_alignment():
    flat = {"q_light": 0.62, "q_mass": 0.68, "inclination": 54.0}
    for galaxy in [*galaxies(5), galaxies(1)[0] | flat]:
        inputs = arguments(galaxy)
        assert worst(vrms(*inputs), jam_cyl.vrms(*inputs, nodes=32)) < 3e-6


@pytest.mark.parametrize("mbh", [0.0, 2.5e6])
def test_isotropic_m32_agrees_with_cylindrical_alignment(repository, mbh):
    table = QTable.read(repository / "zoo/examples/m32_mge.ecsv")
    surf, sigma, qobs = (table[name].value for name in table.colnames)
    radius, angle = np.geomspace(0.05, 60, 15), np.linspace(0.1, 12, 15)
    mges, distance = (surf, sigma, qobs, table.meta["ml"] * surf, sigma, qobs), table.meta
    at = radius * np.cos(angle), radius * np.sin(angle)
    galaxy = (*mges, 60.0, mbh, distance["distance_mpc"], *at)
    truth = jam_cyl.vrms(*galaxy, nodes=128)
    assert worst(vrms(*galaxy), truth) < 5e-6
    assert worst(vrms(*galaxy, **FINE), truth) < 1e-7


# --- against jampy


@pytest.mark.stress
def test_jampy_8_agrees_within_its_noise():
    """At its default accuracy it is off by a per cent, with more nodes by a few 1e-3."""
    module = pytest.importorskip("jampy.axi.jam_axi_proj", exc_type=ImportError)
    galaxy = galaxies(1, seed=9)[0] | {"beta": 0.25}
    inputs = arguments(galaxy, 15, 8)
    ours = vrms(*inputs, beta=0.25)
    options = {"beta": np.full(len(inputs[0]), 0.25), "moment": "zz", "plot": False, "quiet": True}
    theirs = module.jam_axi_proj(*inputs, align="sph", ml=1.0, **options).model
    assert np.median(np.abs(theirs / ours - 1)) < 3e-3
    assert worst(ours, theirs) < 2e-2
    other = jam_cyl.vrms(*inputs, beta=0.25)
    assert np.median(np.abs(other / ours - 1)) > 1e-2  # the alignments can be told apart


JAMPY9 = """
import json, sys
import numpy as np
from jampy.axi.jam_axi_proj import jam_axi_proj
models = []
for arrays, inc, distance, beta in json.load(sys.stdin):
    arrays = [np.array(v) for v in arrays]
    model = jam_axi_proj(tuple(arrays[:3]), tuple(arrays[3:6]), inc, 0.0, distance, *arrays[6:],
                         beta=beta, nang=25, nlos=100, plot=False, quiet=True)
    models.append(model.model.tolist())
print("RESULT" + json.dumps(models))
"""


@pytest.mark.stress
def test_jampy_9_agrees():
    if not JAMPY9_PYTHON:
        pytest.skip("ZOO_BENCH_JAMPY9_PYTHON names no interpreter: not compared with jampy 9")
    drawn = galaxies(3, seed=9)
    asked, ours = [], []
    for galaxy in drawn:
        *mges, inc, _, distance, x, y = arguments(galaxy, 1, 8)
        inside = np.hypot(x, y / galaxy["q_light"]) < 3 * galaxy["r_sersic"]
        arrays = [v.tolist() for v in (*mges, x[inside], y[inside])]
        asked.append((arrays, inc, distance, galaxy["beta"]))
        ours.append(vrms(*mges, inc, 0, distance, x[inside], y[inside], beta=galaxy["beta"]))
    run = subprocess.run(
        [JAMPY9_PYTHON, "-c", JAMPY9],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(run.stdout.split("RESULT")[1])
    for one, other in zip(ours, theirs, strict=True):
        assert worst(one, np.array(other)) < 1e-5


# --- itself


def test_converged():
    for galaxy in galaxies(2, seed=3):
        inputs = arguments(galaxy, 3, 2)
        fine = vrms(*inputs, beta=galaxy["beta"], **FINE)
        assert worst(vrms(*inputs, beta=galaxy["beta"]), fine) < 1.5e-6


@pytest.mark.stress
def test_converged_for_the_flattest_of_many():
    drawn = galaxies(2000, seed=4)
    flatness = [
        min(
            sersic_mock.intrinsic_axis_ratio(galaxy[name], galaxy["inclination"])
            for name in ("q_light", "q_mass")
        )
        for galaxy in drawn
    ]
    for index in np.argsort(flatness)[:20]:
        inputs, beta = arguments(drawn[index], 3, 2), drawn[index]["beta"]
        assert worst(vrms(*inputs, beta=beta), vrms(*inputs, beta=beta, **FINE)) < 1.5e-6


def squared(lum=LUM, pot=POT, mbh=0.0, distance=DISTANCE, x=X, y=Y):
    return vrms(*lum, *pot, 70.0, mbh, distance, x, y, beta=0.2) ** 2


def test_proportional_to_mass_and_to_distance():
    heavier = (3.7 * POT[0], *POT[1:])
    assert worst(squared(pot=heavier, mbh=3.7e7), 3.7 * squared(mbh=1e7)) < 1e-12
    assert worst(squared(mbh=4e7, distance=2 * DISTANCE), 2 * squared(mbh=1e7)) < 1e-12


def test_the_moment_is_a_sum_over_the_mass():
    each = [squared(pot=POT[:, [j]]) for j in range(2)]
    assert worst(sum(each), squared()) < 1e-4  # each with angular nodes of its own


def test_symmetric_and_independent_of_other_positions():
    whole = squared()
    assert worst(squared(x=-X, y=-Y), whole) < 1e-12
    assert worst(squared(x=X, y=-Y), whole) < 1e-5
    alone = [squared(x=X[[i]], y=Y[[i]])[0] for i in range(4)]
    assert worst(alone, whole) < 3e-5


def test_at_the_centre():
    near = squared(x=np.array([0.0, 0.02 * 1.5]), y=np.zeros(2))
    assert near[0] == pytest.approx(near[1], rel=1e-9)
    assert squared(x=np.zeros(0), y=np.zeros(0)).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surf_lum": [1, np.inf]}, r"surf_lum\[1\] = inf must be finite"),
        ({"qobs_pot": [0.5, 1]}, r"qobs_pot\[0\] = 0.5 must be greater than cos\(inc\) = 0.5"),
        ({"inc": 0}, r"inc = 0 must be in \(0, 90\]"),
        ({"mbh": -2.0}, "mbh = -2.0 must be zero or positive"),
        ({"beta": 1.0}, "beta = 1.0 must be less than 1"),
        ({"beta": [0.1, 0.2]}, r"beta of shape \(2,\) must be a scalar: in spherical alignment"),
        ({"xbin": [0, np.nan]}, r"xbin\[1\] = nan must be finite"),
        ({"xbin": [0, 1, 2]}, r"xbin \(3,\) and ybin \(2,\) must be vectors of equal length"),
        ({"xbin": [0, 4000.0]}, r"surface density of the light at xbin, ybin\[1\] = 0.0 must be"),
    ],
)
def test_bad_input_is_named(change, message):
    names = ("surf_lum", "sigma_lum", "qobs_lum", "surf_pot", "sigma_pot", "qobs_pot")
    good = dict(zip(names, (*LUM, *POT), strict=True))
    good |= {"inc": 60, "mbh": 0, "distance": 1.0, "xbin": [0.0, 1.0], "ybin": [0.0, 0.0]}
    with pytest.raises(ValueError, match=message):
        vrms(**(good | change))
