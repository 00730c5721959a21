"""Conversions between the conventions of other packages, against what those packages give.

Numbers of lenstronomy were computed with lenstronomy 1.14.2, those of mgefit with mgefit 6.2.6, by
the functions that each test names.
"""

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given
from hypothesis import strategies as st

from zoo import conventions as c
from zoo.errors import InputError

Q = st.floats(0.05, 1)
ANGLE = st.floats(-720, 720)
BETA = st.floats(-5, 0.99)
EXACT = {"rel": 1e-12}


def same_axis(one, other, period=180.0, tolerance=1e-9):
    """Whether two angles of an axis agree modulo the period."""
    return abs((one - other + period / 2) % period - period / 2) < tolerance


# --- ellipticity and radius


@pytest.mark.parametrize(
    ("q", "phi", "e1", "e2"),
    [
        (0.6, 0.5, 0.13507557646703494, 0.21036774620197413),
        (0.95, 2.0, -0.016760092842656733, -0.01940519218738279),
    ],
)
def test_e1e2_of_lenstronomy(q, phi, e1, e2):
    """`lenstronomy.Util.param_util.phi_q2_ellipticity`; the second is its own unit test."""
    assert c.e1e2_from_q_phi(q, phi) == pytest.approx((e1, e2), **EXACT)


def test_q_phi_of_lenstronomy():
    """`lenstronomy.Util.param_util.ellipticity2phi_q(0.3, -0.1)`."""
    q, phi = c.q_phi_from_e1e2(0.3, -0.1)
    assert (phi, q) == (
        pytest.approx(-0.16087527719832112, **EXACT),
        pytest.approx(0.5194938532959156, **EXACT),
    )


@given(q=st.floats(0.05, 0.99), phi=st.floats(-6, 6))
def test_ellipticities_round_trip(q, phi):
    back = c.q_phi_from_e1e2(*c.e1e2_from_q_phi(q, phi))
    assert back[0] == pytest.approx(q, rel=1e-9)
    assert same_axis(back[1], phi, np.pi)
    assert c.axis_ratio_from_eps(c.eps_from_axis_ratio(q)) == pytest.approx(q, **EXACT)


def test_sersic_radius_of_lenstronomy():
    """Where lenstronomy's SersicElliptic(R_sersic=1.2, q=0.6) has I = amp on each axis.

    1.5491933 and 0.9295160 by root finding on `LightModel.Profiles.sersic.SersicElliptic`; with
    `sersic_major_axis=True` they are 1.2 and 0.72.
    """
    assert c.major_axis_radius(1.2, 0.6) == pytest.approx(1.5491933384829, rel=1e-10)
    assert c.major_axis_radius(1.2, 0.6) * 0.6 == pytest.approx(0.92951600308, rel=1e-10)


@given(radius=st.floats(1e-3, 1e3), q=Q)
def test_radii_round_trip(radius, q):
    average = c.product_average_radius(radius, q)
    assert average**2 == pytest.approx(radius * (radius * q), **EXACT)  # the area of the ellipse
    assert c.major_axis_radius(average, q) == pytest.approx(radius, **EXACT)


# --- inclination


def test_deprojection_agrees_with_a_projected_spheroid():
    """Width of the shadow of an oblate spheroid: the largest y' on its surface."""
    q, inc = 0.4, np.radians(65.0)
    t = np.linspace(0, 2 * np.pi, 200001)  # the section through the line of sight and the axis
    shadow = np.max(np.cos(t) * np.cos(inc) + q * np.sin(t) * np.sin(inc))
    assert c.observed_axis_ratio(q, 65.0) == pytest.approx(shadow, rel=1e-9)


@given(q=st.floats(0.05, 0.95), inc=st.floats(5, 89))
def test_deprojection_round_trip(q, inc):
    qobs = c.observed_axis_ratio(q, inc)
    assert c.intrinsic_axis_ratio(qobs, inc) == pytest.approx(q, rel=1e-6)
    assert c.inclination(qobs, q) == pytest.approx(inc, rel=1e-6)


# --- angles


@pytest.mark.parametrize(
    ("angle", "theta", "pa"),
    [
        (0, 0.0, 90.0),
        (30, -29.97335, 119.97335),
        (120, 60.02665, 29.97335),
        (-20, 20.0145, 69.9855),
    ],
)
def test_find_galaxy(angle, theta, pa):
    """`mgefit.find_galaxy` of an image of a Gaussian (sigma 20 pixels, q = 0.5) at `angle`.

    The angle is from the image's columns axis towards its rows axis; theta and pa came out.
    """
    assert same_axis(c.pa_from_find_galaxy_theta(theta), pa, tolerance=1e-3)
    assert same_axis(c.pa_from_x_angle(angle), pa, tolerance=0.05)
    assert same_axis(c.find_galaxy_theta_from_pa(pa), theta, tolerance=1e-3)


@pytest.mark.parametrize("angle", [-20.0, 70.0])
def test_find_galaxy_itself(angle):
    mgefit = pytest.importorskip("mgefit")
    y, x = np.mgrid[:121, :121] - 60.0
    a = np.radians(angle)
    along, across = x * np.cos(a) + y * np.sin(a), y * np.cos(a) - x * np.sin(a)
    image = np.exp(-(along**2 + (across / 0.5) ** 2) / 2 / 12**2)
    found = mgefit.find_galaxy(image, quiet=True, plot=False)
    assert same_axis(c.pa_from_find_galaxy_theta(found.theta), found.pa)
    assert same_axis(c.pa_from_x_angle(angle), found.pa, tolerance=0.2)
    assert c.axis_ratio_from_eps(found.eps) == pytest.approx(0.5, abs=5e-3)


def test_phi_of_lenstronomy():
    """`coolest_read_util.degree_coolest_to_radian_lenstronomy` is 90 deg - PA, modulo 180."""
    assert np.degrees(c.lenstronomy_phi_from_pa(20.0)) == pytest.approx(70)
    assert np.degrees(c.lenstronomy_phi_from_pa(100.0)) == pytest.approx(170)
    assert c.pa_from_lenstronomy_phi(70 * u.deg) == pytest.approx(20)


def test_aperture_of_ngc6278():
    """DYNAMITE's aperture.dat of NGC 6278 has -36 deg; PaFit found 126 deg, and 90 - 126 = -36."""
    assert c.pa_from_dynamite_angle(-36.0) == 126
    assert c.dynamite_angle_from_pa(126.0) == -36


@pytest.mark.parametrize("x_axis", ["west", "east"])
@given(pa=ANGLE)
def test_angles_round_trip(x_axis, pa):
    assert same_axis(c.pa_from_x_angle(c.x_angle_from_pa(pa, x_axis), x_axis), pa)
    assert same_axis(c.pa_from_find_galaxy_theta(c.find_galaxy_theta_from_pa(pa)), pa)
    assert same_axis(c.pa_from_lenstronomy_phi(c.lenstronomy_phi_from_pa(pa)), pa)
    assert same_axis(c.pa_from_dynamite_angle(c.dynamite_angle_from_pa(pa)), pa)
    assert -90 <= c.dynamite_angle_from_pa(pa) < 90


@pytest.mark.parametrize(
    ("east", "north", "pa"), [(0, 1, 0.0), (1, 1, 45.0), (1, 0, 90.0), (1, -1, 135.0)]
)
def test_position_angle_is_north_through_east(east, north, pa):
    """A point at a position angle lies on the major axis of that position angle."""
    for x_axis, x in (("east", east), ("west", -east)):
        along, across = c.to_major_axis(x, north, pa, x_axis)
        assert along == pytest.approx(np.hypot(east, north))
        assert across == pytest.approx(0, abs=1e-12)
        assert same_axis(np.degrees(np.arctan2(north, x)), c.x_angle_from_pa(pa, x_axis))


@given(pa=ANGLE, x=st.floats(-10, 10), y=st.floats(-10, 10))
def test_rotation_agrees_with_dynamite(pa, x, y):
    """DYNAMITE turns x to the major axis by its aperture's angle; both may point either way."""
    a = np.radians(c.dynamite_angle_from_pa(pa))
    theirs = np.array([x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a)])
    ours = np.array(c.to_major_axis(x, y, pa))
    sign = -1 if np.abs(ours + theirs).max() < np.abs(ours - theirs).max() else 1
    assert ours == pytest.approx(sign * theirs, abs=1e-9)


@pytest.mark.parametrize(("qobs", "q"), [(0.6, 0.4), (0.8, 0.3), (0.45, 0.44)])
def test_viewing_angles_are_the_oblate_limit_of_dynamite(qobs, q):
    """DYNAMITE's `triax_pqu2tpp` (van den Bosch et al. 2008) for p = 1 - d, u = 1 - d/3."""
    d = 1e-9
    p2, q2, u2, o2 = (1 - d) ** 2, q**2, (1 - d / 3) ** 2, qobs**2
    theta = np.degrees(np.arccos(np.sqrt((u2 - q2) * (o2 * u2 - q2) / ((1 - q2) * (p2 - q2)))))
    tangent = (1 - o2 * u2) * (p2 - o2 * u2) * (u2 - q2) / ((1 - u2) * (u2 - p2) * (o2 * u2 - q2))
    psi = 180 - np.degrees(np.arctan(np.sqrt(tangent)))
    ours = c.dynamite_viewing_angles(c.inclination(qobs, q))
    assert ours[:2] == pytest.approx((theta, psi), abs=1e-4)
    assert c.inclination_from_viewing_angles(theta, psi) == pytest.approx(c.inclination(qobs, q))


def test_a_galaxy_seen_from_below_has_the_same_inclination():
    assert c.inclination_from_viewing_angles(110.0) == 70


# --- anisotropy


def test_beta():
    """A ratio of dispersions 0.5 is beta = 3/4 and b = 4; tangential ellipsoids are negative."""
    assert c.beta_from_ratio(0.5) == 0.75
    assert c.squared_ratio(0.75) == 4
    assert c.beta_from_ratio(2.0) == -3
    sigma = {"r": 200.0, "theta": 150.0, "phi": 180.0}
    binney = 1 - (sigma["theta"] ** 2 + sigma["phi"] ** 2) / (2 * sigma["r"] ** 2)
    beta, gamma = (c.beta_from_ratio(sigma[k] / sigma["r"]) for k in ("theta", "phi"))
    assert c.binney_beta(beta, gamma) == pytest.approx(binney)


@given(beta=BETA)
def test_beta_round_trip(beta):
    assert c.beta_from_ratio(c.ratio_from_beta(beta)) == pytest.approx(beta, abs=1e-12)
    assert c.squared_ratio(beta) == pytest.approx(c.ratio_from_beta(beta) ** -2, **EXACT)


def test_alignments_do_not_convert():
    assert c.beta_for(0.3, "cyl", "cyl") == 0.3
    assert c.beta_for([0.0, 0.0], "cyl", "sph").tolist() == [0, 0]
    with pytest.raises(InputError, match=r"beta is -0.3 of align='cyl'.*'sph'.*only 0"):
        c.beta_for([0.2, -0.3], "cyl", "sph")
    with pytest.raises(InputError, match="align is 'oblate', allowed: 'cyl', 'sph'"):
        c.beta_for(0.3, "oblate", "sph")


# --- lensing


@pytest.mark.parametrize(
    ("x", "y", "kappa"),
    [
        (1.0, 0.0, 0.8059547852279492),
        (0.0, 1.0, 0.525325310884698),
        (0.7, 1.1, 0.42032919367343813),
    ],
)
def test_einstein_radius_of_glee_gives_the_convergence_of_lenstronomy(x, y, kappa):
    """`LensModel(["EPL"]).kappa` for theta_E = 1.5, gamma = 2.2, q = 0.7, phi = 0."""
    q, gamma = 0.7, 2.2
    theta_e = c.glee_theta_e(1.5, q, gamma)
    glee = (3 - gamma) / (1 + q) * (theta_e / np.hypot(x, y / q)) ** (gamma - 1)
    assert glee == pytest.approx(kappa, rel=1e-8)


def test_slopes():
    """Isothermal is 0.5 in GLEE; SKiNN's range 0.25 to 0.75 is 1.5 to 2.5 in the density."""
    assert c.gamma_from_glee([0.25, 0.5, 0.75]).tolist() == [1.5, 2, 2.5]


@given(theta_e=st.floats(0.01, 100), q=Q, gamma=st.floats(1.1, 2.9))
def test_lensing_round_trip(theta_e, q, gamma):
    assert c.gamma_from_glee(c.glee_gamma(gamma)) == pytest.approx(gamma, **EXACT)
    back = c.lenstronomy_theta_e(c.glee_theta_e(theta_e, q, gamma), q, gamma)
    assert back == pytest.approx(theta_e, **EXACT)


# --- photometry


def test_one_solar_luminosity_per_square_parsec():
    """27.05 B mag/arcsec^2 for M_sun,B = 5.48: Binney & Merrifield 1998, Galactic Astronomy."""
    assert c.magnitude_from_surface_density(1.0, 5.48) == pytest.approx(27.05, abs=5e-3)
    # from the definition of the magnitude: the Sun spread over 1 pc^2 at 10 pc
    square_arcsec = np.degrees(1 / 10.0) ** 2 * 3600**2
    assert c.magnitude_from_surface_density(1.0, 5.48) == pytest.approx(
        5.48 + 2.5 * np.log10(square_arcsec)
    )


@given(density=st.floats(1e-3, 1e7), sun=st.floats(2, 7))
def test_magnitudes_round_trip(density, sun):
    magnitude = c.magnitude_from_surface_density(density, sun)
    assert c.surface_density_from_magnitude(magnitude, sun) == pytest.approx(density, rel=1e-9)


def test_the_peak_of_a_gaussian_by_its_sum():
    x, y = np.meshgrid(np.arange(-100, 101), np.arange(-100, 101))
    image = 7.0 * np.exp(-(x**2 + (y / 0.6) ** 2) / (2 * 10.0**2))
    assert c.peak_from_counts(image.sum(), 10.0, 0.6) == pytest.approx(7.0, rel=1e-9)


def test_ml_by_the_virial_theorem():
    """M ~ V^2 R, R ~ D, L ~ D^2: M/L ~ 1/D."""
    assert c.ml_at_distance(4.0, 20.0, 40.0) == 2
    assert c.arcsec_in_pc(0.2062648) == pytest.approx(1.0, rel=1e-6)


# --- units and bad values


def test_quantities_are_converted():
    assert c.e1e2_from_q_phi(0.6, 90 * u.deg)[0] == pytest.approx(-0.25)
    assert c.pa_from_x_angle(np.pi / 2 * u.rad) == pytest.approx(0)
    assert c.arcsec_in_pc(100 * u.kpc) == pytest.approx(c.arcsec_in_pc(0.1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: c.eps_from_axis_ratio(1.2), r"q is 1.2, allowed: \(0, 1\]"),
        (lambda: c.eps_from_axis_ratio([0.5, np.nan]), r"q is nan, allowed: \(0, 1\]"),
        (lambda: c.axis_ratio_from_eps(1.0), r"eps is 1, allowed: \[0, 1\)"),
        (lambda: c.axis_ratio_from_eps(None), "eps is None, allowed: a number"),
        (lambda: c.axis_ratio_from_eps(np.ma.masked_equal([0.1, 0.2], 0.2)), "eps is nan"),
        (lambda: c.axis_ratio_from_eps("flat"), "eps is flat, allowed: a number"),
        (lambda: c.q_phi_from_e1e2(0.9, 0.9), r"sqrt\(e1\^2 \+ e2\^2\) is 1.27279, allowed"),
        (lambda: c.major_axis_radius(-1.0, 0.5), r"average is -1, allowed: \[0, inf\)"),
        (lambda: c.intrinsic_axis_ratio(0.5, 50.0), r"qobs is 0.5 at inc = 50 deg.*0.6428"),
        (lambda: c.intrinsic_axis_ratio(0.5, 95.0), r"inc is 95, allowed: \(0, 90\] deg"),
        (lambda: c.inclination(0.3, 0.5), "qobs is 0.3, allowed: at least q = 0.5"),
        (lambda: c.pa_from_x_angle(3 * u.km), "angle is 3.0 km, allowed: a number of deg"),
        (lambda: c.pa_from_x_angle(3, "left"), "x_axis is 'left', allowed: 'west', 'east'"),
        (lambda: c.inclination_from_viewing_angles(70, 60), "psi is 60 deg, allowed: 90 deg"),
        (lambda: c.ratio_from_beta(1.0), r"beta is 1, allowed: \(-inf, 1\)"),
        (lambda: c.beta_from_ratio(0.0), r"ratio is 0, allowed: \(0, inf\)"),
        (lambda: c.glee_gamma(3.0), r"gamma is 3, allowed: \(1, 3\)"),
        (lambda: c.gamma_from_glee(1.2), r"glee is 1.2, allowed: \(0, 1\)"),
        (lambda: c.glee_theta_e(0.0, 0.5, 2), r"theta_e is 0, allowed: \(0, inf\) arcsec"),
        (lambda: c.magnitude_from_surface_density(0, 5), r"density is 0, allowed: \(0, inf\)"),
        (lambda: c.ml_at_distance(3, 0, 1), r"distance is 0, allowed: \(0, inf\) Mpc"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(InputError, match=message):
        call()
