"""jam_cyl against the float64 simulator, jampy, 2D quadratures and finite differences."""

import importlib
import warnings
from functools import partial

import numpy as np
import pytest
from astropy.table import QTable

from zoo.errors import InputError, OutsideRangeWarning
from zoo.model import load_model
from zoo.models.jam import jam_cyl
from zoo_datasets.simulators.jam_cyl import vrms, vrms_grid
from zoo_datasets.simulators.mge import surface_density

LIGHT = ("surf_lum", "sigma_lum", "qobs_lum")
MASS = ("surf_pot", "sigma_pot", "qobs_pot")
SMALL = {
    "surf_lum": np.array([3000.0, 400.0]),
    "sigma_lum": np.array([1.0, 4.0]),
    "qobs_lum": np.array([0.7, 0.8]),
    "surf_pot": np.array([5000.0, 900.0, 20.0]),
    "sigma_pot": np.array([1.2, 5.0, 40.0]),
    "qobs_pot": np.array([0.75, 0.9, 1.0]),
    "inc": 65.0,
    "beta": np.array([0.25, -0.2]),
    "mbh": 1e7,
    "distance": 10.0,
    "xbin": np.array([0.3, 1.0, 3.0, -2.0, 6.0]),
    "ybin": np.array([0.2, 0.5, -2.0, 4.0, 1.0]),
}
PSF = {"sigmapsf": np.array([0.5, 1.1]), "normpsf": np.array([0.7, 0.3])}


@pytest.fixture(autouse=True)
def _seeded():
    """Set no seeds: nothing here draws, and TensorFlow would forget its functions each time."""


@pytest.fixture(scope="module")
def single():
    return load_model("jam_cyl", strategy=None)


@pytest.fixture(scope="module")
def double():
    return load_model("jam_cyl", dtype="float64", strategy=None)


@pytest.fixture(scope="module")
def m32(repository):
    """M32 of Cappellari et al. (2006) at 15 points from the cusp to 60 arcsec."""
    table = QTable.read(repository / "zoo/examples/m32_mge.ecsv")
    surf, sigma, qobs = (table[name].value for name in ("surf", "sigma", "qobs"))
    radius, angle = np.geomspace(0.05, 60, 15), np.linspace(0.1, 12, 15)
    gaussians = (surf, sigma, qobs, table.meta["ml"] * surf, sigma, qobs)
    return dict(zip(LIGHT + MASS, gaussians, strict=True)) | {
        "distance": table.meta["distance_mpc"],
        "xbin": radius * np.cos(angle),
        "ybin": radius * np.sin(angle),
    }


def worst(ours, truth):
    """Greatest relative error where the moment does not nearly vanish."""
    real = truth > 0.02 * truth.max()
    assert real.sum() > 0.5 * real.size
    return np.max(np.abs(np.asarray(ours)[real] / truth[real] - 1))


def batch_of(galaxies):
    return {name: [galaxy[name] for galaxy in galaxies] for name in galaxies[0]}


# --- without PSF: the float64 simulator, itself verified against jampy to 1e-10


@pytest.mark.parametrize("mbh", [0.0, 2.5e6])
@pytest.mark.parametrize("beta", [0.2, -0.3, np.linspace(-0.4, 0.4, 12)], ids=["+", "-", "each"])
def test_m32(single, double, m32, mbh, beta):
    for inc in (50.0, 70.0, 90.0):
        galaxy = m32 | {"inc": inc, "mbh": mbh, "beta": beta}
        truth = vrms(**galaxy, nodes=256)
        assert worst(single.predict(galaxy)["vrms"], truth) < 2e-5
        assert worst(double.predict(galaxy)["vrms"], truth) < (1e-8 if mbh else 1e-10)


def random_galaxy(seed, flattest, inclinations):
    """Gaussians over 3 dex in size; the first of light and mass has the intrinsic ratio flattest.

    At low inclination such a galaxy is seen at cos i just below its smallest axis ratio.
    """
    rng = np.random.default_rng(seed)
    inc = rng.uniform(*inclinations)
    sin2 = np.sin(np.radians(inc)) ** 2

    def expansion(count):
        sigma = 10 ** rng.uniform(-1, 2, count)
        q = np.append(flattest * 1.001, rng.uniform(flattest, 1, count - 1))
        return 1e4 * sigma**-1.5 * rng.uniform(0.5, 2, count), sigma, np.sqrt(1 - sin2 * (1 - q**2))

    light, mass = expansion(rng.integers(2, 8)), expansion(rng.integers(2, 8))
    radius, angle = 10 ** rng.uniform(-1, 1.5, 60), rng.uniform(0, 2 * np.pi, 60)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    lit = surface_density(x, y, *light) > 1e-9 * light[0].max()
    return dict(zip(LIGHT + MASS, (*light, *mass), strict=True)) | {
        "inc": inc,
        "beta": rng.uniform(-0.4, 0.4, light[0].size),
        "mbh": 10 ** rng.uniform(5, 9) if seed % 2 else 0.0,
        "distance": 10.0,
        "xbin": x[lit],
        "ybin": y[lit],
    }


@pytest.mark.parametrize(
    ("flattest", "inclinations", "error32"),
    [(0.1, (85, 90), 5e-5), (0.1, (15, 85), 5e-5), (0.05, (30, 90), 5e-5), (0.05, (3, 30), None)],
)
def test_random_galaxies(single, double, flattest, inclinations, error32):
    """Float32 holds q' - cos(i) of nearly face-on discs to few digits: there float64 alone."""
    galaxies = [random_galaxy(seed, flattest, inclinations) for seed in range(12)]
    truths = [vrms(**galaxy, nodes=256) for galaxy in galaxies]
    for model, error in ((single, error32), (double, 1e-9)):
        if error is None:
            continue
        predicted = model.predict(batch_of(galaxies))
        assert predicted.in_domain.all()
        for ours, truth in zip(predicted["vrms"], truths, strict=True):
            assert worst(ours, truth) < error


@pytest.mark.parametrize("mbh", [0.0, 2.5e6])
def test_jampy(double, m32, mbh):
    """Fewer than 200 points and no PSF make jampy integrate directly; its own choice is 1e-5."""
    module = importlib.import_module("jampy.axi.jam_axi_proj")
    galaxy = m32 | {"inc": 70.0, "mbh": mbh, "beta": np.linspace(-0.4, 0.4, 12)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "quad1d", partial(module.quad1d, epsrel=1e-12))
        theirs = module.jam_axi_proj(
            **galaxy, align="cyl", moment="zz", ml=1.0, plot=False, quiet=True
        )
    assert worst(double.predict(galaxy)["vrms"], theirs.model) < (3e-7 if mbh else 1e-7)


def test_surface_brightness(single, double):
    truth = surface_density(SMALL["xbin"], SMALL["ybin"], *(SMALL[name] for name in LIGHT))
    for model, error in ((single, 1e-6), (double, 1e-14)):
        assert worst(model.predict(SMALL)["surface_brightness"], truth) < error


def test_no_black_hole_unless_given(double):
    without = {name: value for name, value in SMALL.items() if name != "mbh"}
    assert worst(double.predict(without)["vrms"], vrms(**without, mbh=0.0)) < 1e-9
    assert worst(double.predict(SMALL)["vrms"], vrms(**without, mbh=0.0)) > 1e-3


def test_a_negative_moment_is_zero_as_in_jampy(double):
    one = {name: [100.0] for name in ("surf_lum", "surf_pot")}
    one |= {"sigma_lum": [1.0], "sigma_pot": [1.0], "qobs_lum": [0.3], "qobs_pot": [0.3]}
    place = {"xbin": [0.1, 4.0], "ybin": [0.0, 0.0], "inc": 90, "distance": 10, "beta": 0.9}
    ours = double.predict(one | place)["vrms"]
    assert ours[0] > 0
    assert ours[1] == 0


# --- PSF and pixels


def observed(galaxy, x, y, pixel=0.0, sigmapsf=0.0, normpsf=1.0):
    """Vrms and light at (x, y) by quadrature of Sigma Vrms^2 and Sigma over PSF and pixel."""
    node, weight = np.polynomial.legendre.leggauss(24)
    moment = light = 0.0
    for sigma, norm in zip(np.atleast_1d(sigmapsf), np.atleast_1d(normpsf), strict=True):
        if sigma:
            # The trapezium rule converges exponentially for what falls off like a Gaussian.
            u = np.linspace(-1, 1, 161) * (7.5 * sigma + pixel / 2)
            shift = u[:, None] - pixel / 2 * node
            kernel = np.exp(-0.5 * (shift / sigma) ** 2) @ (weight / 2)
            kernel *= (u[1] - u[0]) / np.sqrt(2 * np.pi) / sigma
        else:
            u, kernel = pixel / 2 * node, weight / 2
        place = (x + u, y + u)
        surface = surface_density(place[0], place[1][:, None], *(galaxy[name] for name in LIGHT))
        rest = {n: v for n, v in galaxy.items() if n not in ("xbin", "ybin")}
        squared = surface * vrms_grid(**rest, x=place[0], y=place[1]) ** 2
        moment += norm * kernel @ squared @ kernel
        light += norm * kernel @ surface @ kernel
    return np.sqrt(moment / light), light


@pytest.mark.parametrize("mbh", [0.0, 1e7])
@pytest.mark.parametrize(
    "optics",
    [{"pixsize": 0.8}, PSF, PSF | {"pixsize": 0.8}, {"sigmapsf": 0.9, "pixsize": 2.0}],
    ids=["pixel", "PSF", "both", "large pixel"],
)
def test_psf_and_pixels_are_integrals(single, double, optics, mbh):
    galaxy = SMALL | {"mbh": mbh, "rbh": 0.3}
    truth = np.array([
        observed(galaxy, x, y, **{"pixel" if n == "pixsize" else n: v for n, v in optics.items()})
        for x, y in zip(galaxy["xbin"], galaxy["ybin"], strict=True)
    ]).T  # fmt: skip
    for model, error in ((single, 1e-5), (double, 1e-8)):
        predicted = model.predict(galaxy | optics)
        assert worst(predicted["vrms"], truth[0]) < error
        assert worst(predicted["surface_brightness"], truth[1]) < error


def test_psf_of_jampy(single):
    """Its convolution is an FFT of an interpolated map, here at a finer grid than its own."""
    module = importlib.import_module("jampy.axi.jam_axi_proj")
    axis = np.arange(-5, 5.1, 1.0)
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    galaxy = SMALL | {"xbin": x, "ybin": y} | PSF | {"pixsize": 1.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = module.jam_axi_proj(
            **galaxy, align="cyl", moment="zz", ml=1.0, plot=False, quiet=True,
            nrad=60, nang=30, step=0.1,
        )  # fmt: skip
    assert worst(single.predict(galaxy)["vrms"], theirs.model) < 2e-3


# --- grids


@pytest.fixture
def routes(single, monkeypatch):
    """Names of the signatures that predictions take, in order."""
    taken = []

    def spy(name, signature):
        return lambda **inputs: taken.append(name) or signature(**inputs)

    spies = {name: spy(name, signature) for name, signature in single._signatures.items()}
    monkeypatch.setattr(single, "_signatures", spies)
    return taken


GRIDS = {
    "centred": (np.linspace(-6, 6, 25), np.linspace(-6, 6, 25)),
    "shifted, not square": (np.linspace(-3.1, 6.2, 40), np.linspace(0.37, 5.1, 17)),
    "uneven steps": (np.geomspace(0.1, 9, 30), np.array([-2.0, 0, 0.5, 3, 4, 5, 5.5, 6, 7])),
}


@pytest.mark.parametrize("case", GRIDS)
@pytest.mark.parametrize("order", ["sorted", "shuffled", "repeated"])
def test_grid_equals_scattered(single, routes, monkeypatch, case, order):
    x, y = (grid.ravel() for grid in np.meshgrid(*GRIDS[case]))
    rng = np.random.default_rng(3)
    if order == "shuffled":
        place = rng.permutation(x.size)
        x, y = x[place], y[place]
    elif order == "repeated":
        x, y = np.append(x, x[:50]), np.append(y, y[:50])
    galaxy = SMALL | PSF | {"pixsize": 0.4, "xbin": x, "ybin": y}
    grid = single.predict(galaxy)
    monkeypatch.delattr(jam_cyl, "route")
    scattered = single.predict(galaxy)
    assert routes == ["grid", "serving_default"]
    for name in grid:
        assert grid[name] == pytest.approx(scattered[name], rel=3e-6)


def test_grid_of_several_galaxies(single, routes):
    x, y = (grid.ravel() for grid in np.meshgrid(*GRIDS["centred"]))
    one = SMALL | {"xbin": x, "ybin": y}
    together = single.predict(one | {"inc": [55.0, 70.0, 80.0]})
    assert routes == ["grid"]
    for row, inc in enumerate((55.0, 70.0, 80.0)):
        assert together["vrms"][row] == pytest.approx(single.predict(one | {"inc": inc})["vrms"])


def test_scattered_points_are_no_grid(single, routes):
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-5, 5, (2, 300))
    single.predict(SMALL | {"xbin": x, "ybin": y})
    x, y = rng.uniform(-5, 5, (2, 3, 300))
    single.predict(SMALL | {"xbin": x, "ybin": y})
    single.predict(SMALL | {"xbin": [], "ybin": []})
    assert routes == ["serving_default"] * 2


# --- galaxies of different sizes in one batch


def test_absent_gaussians_and_positions_change_nothing(single, m32):
    first = SMALL | PSF | {"pixsize": 0.5, "rbh": 0.02}
    second = m32 | {"inc": 70.0, "beta": np.full(12, 0.1), "mbh": 0.0, "sigmapsf": np.array([0.4])}
    second |= {"normpsf": np.array([1.0]), "pixsize": 0.0, "rbh": 0.01}
    together = single.predict(batch_of([first, second]))
    for row, galaxy in enumerate((first, second)):
        alone = single.predict(galaxy)
        for name in alone:
            assert together[name][row] == pytest.approx(alone[name], rel=3e-6)


# --- gradients


SMOOTH = SMALL | PSF | {"pixsize": 0.7, "rbh": 0.05, "qobs_pot": np.array([0.75, 0.9, 0.97])}


@pytest.fixture(scope="module")
def slope(double, tf):
    """Gradient of the sum of log Vrms and log light over what is present, by input name."""
    specs = {
        tensor.name: tf.TensorSpec(tensor.shape, tf.float64) for tensor in double.keras_model.inputs
    }

    @tf.function(input_signature=[specs])
    def run(columns):
        with tf.GradientTape() as tape:
            tape.watch(columns)
            outputs = double.keras_model(columns)
            terms = [tf.where(tf.math.is_nan(v), tf.ones_like(v), v) for v in outputs.values()]
            loss = sum(tf.reduce_sum(tf.math.log(term)) for term in terms)
        return tape.gradient(loss, columns)

    def call(columns):
        gradient = run({name: tf.constant(value) for name, value in columns.items()})
        return {name: value.numpy() for name, value in gradient.items()}

    return call


def smooth():
    return {name: np.array([value], dtype=float) for name, value in SMOOTH.items()}


def test_gradient_of_every_input(double, slope):
    columns = smooth()
    gradient = slope(columns)
    assert set(gradient) == set(double.card.inputs)
    rng = np.random.default_rng(5)
    for name, column in columns.items():
        direction = rng.uniform(0.5, 1, column.shape) * rng.choice([-1, 1], column.shape)
        step = 1e-5 * np.abs(column).max() * direction
        high, low = (double.predict({**columns, name: column + s * step}) for s in (1, -1))
        expected = sum(np.sum(np.log(high[key] / low[key])) for key in high) / 2
        assert np.sum(gradient[name] * step) == pytest.approx(expected, rel=1e-5, abs=1e-13), name
        assert np.all(np.isfinite(gradient[name])), name
        assert np.any(gradient[name]), name


def test_gradients_with_absent_elements(slope):
    columns = smooth()
    padding = ((0, 0), (0, 2))
    padded = {
        name: np.pad(column, padding, constant_values=np.nan) if column.ndim > 1 else column
        for name, column in columns.items()
    }
    alone, gradient = slope(columns), slope(padded)
    for name, column in columns.items():
        assert np.all(np.isfinite(gradient[name])), name
        if column.ndim > 1:
            assert np.all(gradient[name][:, column.shape[1] :] == 0), name
            gradient[name] = gradient[name][:, : column.shape[1]]
        assert gradient[name] == pytest.approx(alone[name], rel=1e-9), name


# --- what cannot be


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"inc": 40.0}, ["qobs_lum = 0.7 (1 row)", "cos(inc) 0.766044 at inc = 40 deg"]),
        ({"qobs_pot": [0.3, 0.9, 1]}, ["qobs_pot = 0.3", "more than cos(inc) 0.422618"]),
        ({"qobs_lum": [0.7, 1.2]}, ["qobs_lum = 1.2", "(0, 1]"]),
        ({"sigma_lum": [-1.0, 4.0]}, ["sigma_lum = -1", "(0, inf)"]),
        ({"beta": 1.0}, ["beta = 1 ", "(-inf, 1)"]),
        ({"beta": [0.1, 1.5]}, ["beta = 1.5", "(-inf, 1)"]),
        ({"inc": 95.0}, ["inc = 95", "(0, 90]"]),
        ({"inc": 0.0}, ["inc = 0", "(0, 90]"]),
        ({"mbh": -1e6}, ["mbh = -1e+06", "[0, inf)"]),
        ({"distance": 0.0}, ["distance = 0", "(0, inf)"]),
        ({"pixsize": -0.5}, ["pixsize = -0.5", "[0, inf)"]),
        ({"sigmapsf": [0.5, 1.0], "normpsf": [0.5, 0.2]}, ["normpsf = 0.7", "sum to 1"]),
    ],
)
def test_impossible_galaxies(single, change, parts):
    with pytest.raises(InputError) as caught:
        single.predict(SMALL | change)
    message = str(caught.value)
    assert all(part in message for part in [*parts, 'outside="nan"']), message
    assert "\n" not in message
    answer = single.predict(SMALL | change, outside="nan")
    assert not answer.in_domain
    assert np.all(np.isnan(answer["vrms"]))
    assert answer["vrms"].shape == (5,)


def test_impossible_rows_among_others(single):
    batch = SMALL | {"inc": [65.0, 30.0, 70.0, 20.0]}
    with pytest.raises(InputError, match=r"qobs_lum = 0.7 \(2 rows\)"):
        single.predict(batch, batch_size=1)
    answer = single.predict(batch, outside="nan", batch_size=2)
    assert answer.in_domain.tolist() == [True, False, True, False]
    assert np.array_equal(np.isnan(answer["vrms"]).all(axis=1), ~answer.in_domain)
    assert answer["vrms"][2] == pytest.approx(single.predict(SMALL | {"inc": 70.0})["vrms"])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"beta": -4.0}, "beta = -4 (1 row), allowed: -3 to 0.9"),
        ({"inc": 90.0, "qobs_pot": [0.04, 1, 1]}, "qobs_pot = 0.04"),
        ({"inc": 80.0, "qobs_lum": [0.18, 0.8]}, "an intrinsic axis ratio of 0.05 or more"),
        ({"xbin": [0, 0, 0, 0, 90.0]}, "hypot(xbin, ybin) = 90.0"),
        ({"distance": 2e4}, "distance = 20000 (1 row), allowed: 0.001 to 10000 Mpc"),
    ],
)
def test_outside_the_range(single, change, part):
    with pytest.warns(OutsideRangeWarning) as caught:
        answer = single.predict(SMALL | change)
    assert len(caught) == 1
    assert part in str(caught[0].message)
    assert not answer.in_domain
    with pytest.raises(InputError) as error:
        single.predict(SMALL | change, outside="raise")
    assert part in str(error.value)
    assert np.all(np.isnan(single.predict(SMALL | change, outside="nan")["vrms"]))


def test_darkness_between_two_ellipses_is_flagged(single):
    """Far from a thin disc and from a small round bulge, though within the disc's sigma."""
    galaxy = SMALL | {"inc": 90.0, "sigma_lum": [1.0, 40.0], "qobs_lum": [1.0, 0.1]}
    with pytest.warns(OutsideRangeWarning, match="hypot"):
        single.predict(galaxy | {"xbin": [0.0], "ybin": [60.0]})
    assert single.predict(galaxy | {"xbin": [300.0], "ybin": [1.0]}).in_domain


def test_no_mass_at_all(single):
    """It is allowed, alone and beside a galaxy with mass."""
    none, some = np.zeros(3), SMALL["surf_pot"]
    for masses in ([none], [none, some, some]):
        answer = single.predict(SMALL | {"surf_pot": masses, "mbh": 0.0})
        assert np.all(answer["vrms"][0] == 0)
        assert np.all(answer["vrms"][1:] > 0)
