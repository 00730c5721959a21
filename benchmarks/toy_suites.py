"""Galaxy power spectra of CAMELS, to which the toy suites are fitted, and ours beside them.

The real spectra (Villanueva-Domingo & Villaescusa-Navarro 2022, arXiv:2204.13713; files described
in datasets/dark_matter_galaxies/README.md) are of galaxies in the 1,000 boxes of a Latin hypercube.
The number in a file's name is the snapshot: 33 is redshift 0, where our boxes are, 18 redshift 1
and 10 redshift 2. The code published with them takes subhaloes of more than 20 star particles;
shot noise is in them, and so it stays in ours.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np

from zoo_datasets import chunks
from zoo_datasets.simulators.nbody import galaxies, haloes

FILES = {"toy_tng": "IllustrisTNG", "toy_simba": "SIMBA"}
SNAPSHOT = 33  # redshift 0
NAMES = ("omega_m", "sigma_8", "a_sn1", "a_agn1", "a_sn2", "a_agn2")  # order of the files
MODES = 1000  # of a shell that are summed
FIDUCIAL = {"omega_m": (0.3, 0.05), "sigma_8": (0.8, 0.08)}  # and how near counts as fiducial


def folder() -> Path:
    """Where the real files lie, in ZOO_TEST_DATA.

    Raises
    ------
    SystemExit
        If they are not there.
    """
    path = Path(os.environ.get("ZOO_TEST_DATA", "")) / "camels"
    if not path.is_dir():
        raise SystemExit("set ZOO_TEST_DATA to the folder that holds camels/cosmographnet_pk")
    return path


def real(suite: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Wavenumbers (79,), P(k) (1000, 79) and parameters (1000,) of the real boxes."""
    place = folder()
    k = np.loadtxt(place / "cosmographnet_pk" / "k_values.txt")
    name = f"Pk_galaxies_{FILES[suite]}_LH_{SNAPSHOT}_kmax=20.0.npy"
    power = np.load(place / "cosmographnet_pk" / name)
    table = np.genfromtxt(
        place / "params" / f"CosmoAstroSeed_{FILES[suite]}_L25n256_LH.txt", usecols=range(1, 7)
    )
    return k, power, dict(zip(NAMES, table.T, strict=True))


def near_fiducial(parameters: dict[str, np.ndarray]) -> np.ndarray:
    """Which boxes have nearly the fiducial cosmology."""
    return np.all(
        [abs(parameters[name] - mid) < width for name, (mid, width) in FIDUCIAL.items()], axis=0
    )


def responses(power: np.ndarray, parameters: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Slopes d ln P / d ln (omega_m, sigma_8, a_sn1), (k, 3), by least squares; their errors."""
    names = [name for name in NAMES if np.ptp(np.log(parameters[name])) > 0]
    columns = np.stack([np.log(parameters[name]) for name in names], axis=1)
    columns = np.column_stack([np.ones(len(columns)), columns - columns.mean(axis=0)])
    good = np.all(power > 0, axis=1)
    design, log = columns[good], np.log(power[good])
    slopes = np.linalg.lstsq(design, log, rcond=None)[0]
    left = log - design @ slopes
    variance = (left**2).sum(axis=0) / (len(log) - design.shape[1])
    scale = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    picked = [1 + names.index(name) for name in NAMES[:3]]
    return slopes[picked].T, np.outer(np.sqrt(variance), scale[picked])


class Ours:
    """Boxes of ours, on which galaxies are painted again and again."""

    def __init__(self, boxes: list[chunks.Record]) -> None:
        self.boxes = boxes

    @classmethod
    def cached(cls, tasks: list[chunks.Task]) -> Ours:
        """The boxes of a dataset that have been simulated."""
        boxes: list[chunks.Record] = []
        for task in tasks:
            there = set(task.ranges()) - set(chunks.missing(task))
            for start, stop in sorted(there):
                boxes += chunks.load(task.path(start, stop), stop - start)
        if not boxes:
            raise SystemExit("no box has been simulated: run `zoo data build` first")
        return cls([{n: v for n, v in box.items() if not n.startswith("dm_")} for box in boxes])

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Parameters (boxes,) by name."""
        return {name: np.array([float(box[name]) for box in self.boxes]) for name in NAMES}

    def power(
        self, suite: galaxies.Suite, k: np.ndarray, seed: int = 0, boxes: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """P(k) (boxes, k) with shot noise, and numbers of galaxies (boxes,)."""
        rows, numbers = [], []
        for number, box in enumerate(self.boxes[:boxes]):
            found = haloes.Haloes(
                mass=box["halo_mass"].astype(float),
                position=box["halo_position"].astype(float),
                velocity=box["halo_velocity"],
                radius=box["halo_radius"].astype(float),
                particles=np.zeros(len(box["halo_mass"]), int),
            )
            size = float(box["box_size"])
            rng = np.random.default_rng((seed, number))
            environment = box["halo_surroundings"].astype(float)
            here = suite.at(*(float(box[name]) for name in ("a_sn1", "omega_m", "sigma_8")))
            drawn = galaxies.paint(found, environment, here, size, rng)
            numbers.append(len(drawn.position))
            rows.append(direct_power(drawn.position, size, k))
        return np.array(rows), np.array(numbers)


def direct_power(position: np.ndarray, box_size: float, k: np.ndarray) -> np.ndarray:
    """P(k) (k,) of points by sums over them, at some modes of each shell; shot noise is in it."""
    if len(position) == 0:
        return np.zeros(len(k))
    out = []
    for modes in _modes(box_size, tuple(np.round(k, 6))):
        phase = position.astype(np.float32) @ (modes.T * np.float32(2 * np.pi / box_size))
        amplitude = np.cos(phase).sum(axis=0, dtype=float) ** 2
        amplitude += np.sin(phase).sum(axis=0, dtype=float) ** 2
        out.append(amplitude.mean() * box_size**3 / len(position) ** 2)
    return np.array(out)


@cache
def _modes(box_size: float, k: tuple[float, ...]) -> list[np.ndarray]:
    """Integer wavevectors (m, 3) in shells 10 % wide, half the sphere, at most MODES of each."""
    rng = np.random.default_rng(0)
    found = []
    for number in np.array(k) * box_size / (2 * np.pi):
        most = int(np.ceil(1.05 * number)) + 1
        if most <= 12:
            axis = np.arange(-most, most + 1)
            every = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        else:  # random directions, rounded to the lattice
            direction = rng.standard_normal((8 * MODES, 3))
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
            every = np.round(direction * number * rng.uniform(0.95, 1.05, (8 * MODES, 1)))
        length = np.linalg.norm(every, axis=1)
        shell = every[(length > 0.95 * number) & (length < 1.05 * number) & (every[:, 2] >= 0)]
        if len(shell) == 0:  # fewer modes than shells at the lowest k
            shell = every[abs(length - max(number, 1)) < 0.45]
        found.append(rng.permutation(shell)[:MODES].astype(np.float32))
    return found
