"""Few steps of COLA against many, and what a small network makes of the few.

    python benchmarks/bench_cola_steps.py [--quick]

Boxes of half CAMELS' side and an eighth of the particles of 64^3 there, so that mass and force are
resolved alike, are run from the same initial conditions with 10 steps and with 40; a network
learns to move the particles of the former to those of the latter (`zoo.nn.displacement`). On boxes
that it has not seen: power spectra of matter, cross-correlation, haloes, and the power spectrum of
galaxies of `toy_tng` painted on the haloes of each. Pairs are kept in the cache of chunks.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from zoo.evaluation.fields import power_spectrum
from zoo.nn import displacement
from zoo_datasets import chunks
from zoo_datasets.simulators.nbody import cola, galaxies, haloes, initial, mesh, record
from zoo_datasets.simulators.nbody.cosmology import Cosmology

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "cola_steps.json"
PLOT = ROOT / "docs" / "figures" / "cola_steps.png"
SIZE, FEW, MANY = 12.5, 10, 40
FIDUCIAL = Cosmology()
EDGES = np.geomspace(0.6, 16, 11)  # [h/Mpc]
TOLD = (1.0, 3.0, 5.0, 8.0)
PAINTED = 6  # draws of galaxies per box
LABELS = (f"{FEW} steps", f"{FEW} steps + network")


def pair(rng: np.random.Generator, particles: int) -> dict[str, Any]:
    """Displacements (n, n, n, 3) of both runs [Mpc/h] and the velocities of the quick one."""
    seed = int(rng.integers(2**31))
    out: dict[str, Any] = {}
    for name, steps in (("few", FEW), ("many", MANY)):
        begin = time.process_time()
        box = cola.run(FIDUCIAL, SIZE, particles, np.random.default_rng(seed), steps=steps)
        out[f"{name}_cpu"] = np.float32(time.process_time() - begin)
        moved = box.position - initial.lattice(particles, SIZE)
        moved = (moved + SIZE / 2) % SIZE - SIZE / 2
        out[name] = moved.reshape(particles, particles, particles, 3).astype(np.float32)
        if name == "few":
            out["velocity"] = box.velocity.astype(np.float16)
    return out


def pairs(split: str, size: int, particles: int) -> list[dict[str, Any]]:
    """Pairs of a split, run now where the cache lacks them."""
    found = []
    for index in range(size):
        path = chunks.root() / "cola_steps" / f"{particles}_{SIZE:g}" / split / f"{index}.npz"
        if not path.is_file():
            rng = np.random.default_rng([split == "test", index, particles])
            chunks.write(path, [pair(rng, particles)])
        found.append(chunks.load(path, 1)[0])
    return found


def boxed(moved: np.ndarray, velocity: np.ndarray) -> cola.Box:
    """The particles of a box from their displacements."""
    n = len(moved)
    position = (initial.lattice(n, SIZE) + moved.reshape(-1, 3)) % np.float32(SIZE)
    position[position >= SIZE] = 0
    mass = FIDUCIAL.particle_mass(SIZE, n)
    return cola.Box(position, velocity.astype(np.float32), SIZE, mass)


def learn(train: list[dict[str, Any]], epochs: int, cells: int) -> tuple[keras.Model, float]:
    """The network, and the CPU seconds that it took; displacements in units of the lattice."""
    keras.utils.set_random_seed(1)
    n = len(train[0]["few"])
    unit = SIZE / n
    few, many = (np.stack([row[name] for row in train]) / unit for name in ("few", "many"))
    network = displacement.displacement_net(filters=8, scale=float(few.std()))
    steps = epochs * len(train)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    network.compile(keras.optimizers.Adam(rate), loss=displacement.loss(cells))
    begin = time.process_time()

    class Turned(keras.utils.PyDataset):
        """Boxes in one of the 48 orientations of a cube."""

        def __len__(self) -> int:
            return steps

        def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
            rng = np.random.default_rng(number)
            axes, sign = rng.permutation(3), rng.choice([-1, 1], 3)
            row = (number * 7 + number // len(few)) % len(few)
            return tuple(turned(kind[row], axes, sign)[None] for kind in (few, many))

    network.fit(Turned(), epochs=1, verbose=0)
    return network, time.process_time() - begin


def turned(moved: np.ndarray, axes: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Displacements of a lattice, axes exchanged and mirrored about a lattice site."""
    out = moved.transpose(*axes, 3)[..., axes] * sign.astype(np.float32)
    for axis in np.flatnonzero(sign < 0):
        out = np.roll(np.flip(out, axis), 1, axis)  # site i goes to -i
    return np.ascontiguousarray(out)


def matter(box: cola.Box, other: cola.Box | None = None) -> np.ndarray:
    """P(k) of a box in the shells, or its cross power with another."""
    cells = 2 * round(len(box.position) ** (1 / 3))
    first, second = (
        None if b is None else mesh.assign(b.position * np.float32(cells / SIZE), cells)
        for b in (box, other)
    )
    return power_spectrum(first, SIZE, second, edges=EDGES, window=2).power


def populated(box: cola.Box) -> tuple[np.ndarray, dict[str, float]]:
    """P(k) of painted galaxies, mean of several draws, and how many haloes and galaxies."""
    n = round(len(box.position) ** (1 / 3))
    found = haloes.find(box)
    made = {
        "box_size": SIZE,
        "omega_m": FIDUCIAL.omega_m,
        "sigma_8": FIDUCIAL.sigma_8,
        **dict.fromkeys(record.FEEDBACK, 1.0),
        "dm_counts": np.zeros((2 * n,) * 3, np.uint8),  # only its side is read
        "halo_mass": found.mass,
        "halo_position": found.position,
        "halo_radius": found.radius,
        "halo_velocity": found.velocity,
        "halo_surroundings": galaxies.surroundings(box, found),
    }
    power, number = [], []
    for seed in range(PAINTED):
        drawn = record.painted(made, "toy_tng", False, np.random.default_rng(seed))
        power.append(power_spectrum(drawn["galaxy_count"], SIZE, edges=EDGES, window=1).power)
        number.append(len(drawn["galaxy_position"]))
    return np.mean(power, axis=0), {"haloes": len(found.mass), "galaxies": float(np.mean(number))}


def judged(network: keras.Model, test: list[dict[str, Any]]) -> dict[str, Any]:
    """Ratios to the slow run and cross-correlations with it, of each unseen box."""
    unit = SIZE / len(test[0]["few"])
    rows: dict[str, list[Any]] = {}
    seconds = []
    for row in test:
        begin = time.process_time()
        corrected = np.asarray(network(row["few"][None] / unit)[0]) * unit
        seconds.append(time.process_time() - begin)
        truth = boxed(row["many"], row["velocity"])
        power, (clustered, counts) = matter(truth), populated(truth)
        for label, moved in zip(LABELS, (row["few"], corrected), strict=True):
            box = boxed(moved, row["velocity"])
            own = matter(box)
            again, number = populated(box)
            said = {
                "matter": own / power,
                "r": matter(box, truth) / np.sqrt(own * power),
                "galaxies": again / clustered,
                "off": np.sqrt(np.mean(np.sum((moved - row["many"]) ** 2, axis=-1))),
                "number": [number[name] / counts[name] for name in ("haloes", "galaxies")],
            }
            for name, value in said.items():
                rows.setdefault(f"{label}: {name}", []).append(np.asarray(value).tolist())
    field = mesh.assign(
        boxed(test[0]["many"], test[0]["velocity"]).position * np.float32(64 / SIZE), 64
    )
    k = power_spectrum(field, SIZE, edges=EDGES).k
    cpu = {n: float(np.mean([row[f"{n}_cpu"] for row in test])) for n in ("few", "many")}
    return {"k": k.tolist(), "rows": rows, "cpu_s": cpu | {"network": float(np.mean(seconds))}}


def draw(results: dict[str, Any]) -> None:
    """Ratios and cross-correlation, mean and scatter of the unseen boxes."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    titles = {
        "matter": f"P(k) of matter / {MANY} steps",
        "r": f"r(k) with {MANY} steps",
        "galaxies": f"P(k) of toy galaxies / {MANY} steps",
    }
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        for label in LABELS:
            values = np.array(results["rows"][f"{label}: {name}"])
            spread = values.std(axis=0)
            mean = values.mean(axis=0)
            ax.semilogx(results["k"], mean, "o-", ms=3, label=label)
            ax.fill_between(results["k"], mean - spread, mean + spread, alpha=0.2)
        ax.axhline(1, color="0.6", lw=0.8)
        ax.set(xlabel="k [h/Mpc]", title=title, ylim=(0, 1.35))
    axes[0].legend(fontsize=8)
    figure.savefig(PLOT, dpi=100)
    plt.close(figure)


def main() -> None:
    """Run, learn, judge, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small boxes; nothing is written")
    parser.add_argument("--pairs", action="store_true", help="run the boxes and stop")
    options = parser.parse_args()
    n, many, few, epochs = (16, 2, 1, 2) if options.quick else (32, 10, 5, 60)
    train, test = pairs("train", many, n), pairs("test", few, n)
    if options.pairs:
        return
    network, seconds = learn(train, epochs, n)
    results = {
        "particles": n,
        "size": SIZE,
        "train": many,
        "test": few,
        "epochs": epochs,
        "train_cpu_s": seconds,
    }
    results |= judged(network, test)
    print(f"{n}^3, {many} boxes to learn from, {few} unseen; CPU s: {results['cpu_s']}")
    for name, values in results["rows"].items():
        mean = np.mean(values, axis=0)
        if mean.shape == (len(results["k"]),):
            cells = np.interp(TOLD, results["k"], mean)
            print(f"{name:32s}", *(f"k={k:g}: {v:.3f}" for k, v in zip(TOLD, cells, strict=True)))
        else:
            print(f"{name:32s}", np.round(mean, 3))
    if not options.quick:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        draw(results)


if __name__ == "__main__":
    main()
