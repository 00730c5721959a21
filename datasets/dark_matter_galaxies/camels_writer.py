"""Boxes of one's own as CAMELS files: the same folders, names, datasets and units.

For tests of the reader, and to hand simulations of ours to programs that read CAMELS.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike

from zoo_datasets.dark_matter_galaxies.camels_files import KPC, MASS
from zoo_datasets.dark_matter_galaxies.camels_layout import BOX, CATALOGUE, PARAMETERS, SNAPSHOT
from zoo_datasets.errors import DatasetError

KINDS = 6  # of particles in a header
COSMOLOGY = {"HubbleParam": 0.6711, "OmegaBaryon": 0.049}
ACCURACY = 0.01  # [kpc/h or km/s] of lossy compression


def snapshot(
    root: Path,
    suite: str,
    name: str,
    position: ArrayLike,
    velocity: ArrayLike,
    *,
    box_size: float,
    particle_mass: float,
    omega_m: float,
    redshift: float = 0.0,
    old_names: bool = False,
    mass_table: bool = True,
    parts: int = 1,
    lossy: bool = False,
) -> list[Path]:
    """Write the N-body snapshot of a box, and return its files.

    Parameters
    ----------
    root : Path
        Of the tree.
    suite, name : str
        Such as "SIMBA", whose N-body run is meant, and "CV_3".
    position, velocity : (p, 3) array [Mpc/h], [km/s]
        Comoving, and peculiar.
    box_size, particle_mass : float [Mpc/h], [Msun/h]
    old_names : bool
        Names and folders from before 2024.
    mass_table : bool
        Whether the header tells the mass of the particles, or each of them does.
    parts : int
        Files.
    lossy : bool
        Compress as the N-body files of CAMELS are, with a loss; needs hdf5plugin.

    Raises
    ------
    DatasetError
        If positions and velocities are not (p, 3), or hdf5plugin is missing.
    """
    x, v = np.asarray(position, np.float64), np.asarray(velocity, np.float64)
    if x.ndim != 2 or x.shape[1] != 3 or v.shape != x.shape:
        raise DatasetError(f"positions {x.shape} and velocities {v.shape}; needed: both (p, 3)")
    options = _lossy() if lossy else {}
    a = 1 / (1 + redshift)
    table = np.zeros(KINDS)
    table[1] = particle_mass / MASS if mass_table else 0
    header = _header(box_size, omega_m, redshift) | {
        "MassTable": table,
        "NumPart_Total": np.array([0, len(x), 0, 0, 0, 0], np.uint32),
        "NumFilesPerSnapshot": np.int32(parts),
    }
    paths = _paths(root, "Sims", f"{suite}_DM", name, SNAPSHOT, old_names, parts)
    for path, rows in zip(paths, np.array_split(np.arange(len(x)), parts), strict=True):
        columns = {
            "Coordinates": x[rows] / KPC,
            "Velocities": (v[rows] / np.sqrt(a)).astype(np.float32),
            "ParticleIDs": rows.astype(np.uint64) + 1,
        }
        if not mass_table:
            columns["Masses"] = np.full(len(rows), particle_mass / MASS, np.float32)
        this = {"NumPart_ThisFile": np.array([0, len(rows), 0, 0, 0, 0], np.int32)}
        _write(path, header | this, {"PartType1": columns}, options)
    return paths


def catalogue(
    root: Path,
    run: str,
    name: str,
    *,
    box_size: float,
    omega_m: float,
    subhaloes: Mapping[str, ArrayLike] | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    redshift: float = 0.0,
    old_names: bool = False,
    parts: int = 1,
) -> list[Path]:
    """Write the group catalogue of a run, and return its files.

    Parameters
    ----------
    run : str
        "SIMBA" for the hydrodynamical run, "SIMBA_DM" for its N-body twin.
    subhaloes : mapping, optional
        `position` (g, 3) [Mpc/h], and `stars` (g,), the star particles; `stellar_mass` (g,)
        [Msun/h] and `velocity` (g, 3) [km/s] are 0 unless given.
    groups : mapping, optional
        `mass` (h,) [Msun/h], `position` (h, 3) and `radius` (h,) [Mpc/h], `velocity` (h, 3)
        [km/s], as a halo finder gives them.
    box_size, omega_m, redshift, old_names, parts
        As for `snapshot`.
    """
    tables = {
        "Group": _groups(groups or {}, 1 / (1 + redshift)),
        "Subhalo": _subhaloes(subhaloes or {}),
    }
    sizes = {kind: len(next(iter(columns.values()), ())) for kind, columns in tables.items()}
    header = _header(box_size, omega_m, redshift) | {
        "NumFiles": np.int32(parts),
        "Ngroups_Total": np.int32(sizes["Group"]),
        "Nsubgroups_Total": np.int32(sizes["Subhalo"]),
    }
    paths = _paths(root, "FOF_Subfind", run, name, CATALOGUE, old_names, parts)
    for part, path in enumerate(paths):
        rows = {kind: np.array_split(np.arange(n), parts)[part] for kind, n in sizes.items()}
        chosen = {
            kind: {key: values[rows[kind]] for key, values in columns.items() if len(rows[kind])}
            for kind, columns in tables.items()
        }
        counts = {"Ngroups_ThisFile": rows["Group"], "Nsubgroups_ThisFile": rows["Subhalo"]}
        this = {key: np.int32(len(index)) for key, index in counts.items()}
        _write(path, header | this, chosen, {})
    return paths


def parameters(root: Path, suite: str, group: str, rows: Mapping[str, Mapping[str, float]]) -> Path:
    """Write the table of parameters of a set: box -> omega_m, sigma_8, a_sn1 and so on."""
    lines = [f"#Name  {'  '.join(PARAMETERS.values())}  seed"]
    for seed, (name, row) in enumerate(rows.items()):
        cells = "  ".join(f"{row[key]:.5f}" for key in PARAMETERS)
        lines.append(f"{name:>7} {cells}  {seed}")
    path = root / "Parameters" / suite / f"CosmoAstroSeed_{suite}_{BOX}_{group}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _subhaloes(given: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    if not given:
        return {}
    position = np.asarray(given["position"], np.float32)
    by_kind = (len(position), KINDS)
    length, mass = np.zeros(by_kind, np.int32), np.zeros(by_kind, np.float32)
    length[:, 4] = given["stars"]
    mass[:, 4] = np.asarray(given.get("stellar_mass", 0.0), np.float64) / MASS
    velocity = np.zeros((len(position), 3), np.float32)
    velocity[:] = given.get("velocity", 0.0)
    return {
        "SubhaloPos": position / np.float32(KPC),
        "SubhaloVel": velocity,
        "SubhaloLenType": length,
        "SubhaloMassType": mass,
    }


def _groups(given: Mapping[str, ArrayLike], a: float) -> dict[str, np.ndarray]:
    if not given:
        return {}
    mass = np.asarray(given["mass"], np.float64) / MASS
    columns = {
        "GroupMass": mass,
        "Group_M_Crit200": mass,
        "Group_R_Crit200": np.asarray(given["radius"], np.float64) / KPC,
        "GroupPos": np.asarray(given["position"], np.float64) / KPC,
        "GroupVel": np.asarray(given["velocity"], np.float64) * a,
    }
    return {name: values.astype(np.float32) for name, values in columns.items()}


def _header(box_size: float, omega_m: float, redshift: float) -> dict[str, Any]:
    return COSMOLOGY | {
        "BoxSize": box_size / KPC,
        "Redshift": redshift,
        "Time": 1 / (1 + redshift),
        "Omega0": omega_m,
        "OmegaLambda": 1 - omega_m,
    }


def _paths(
    root: Path, kind: str, run: str, name: str, stems: tuple[str, str], old: bool, parts: int
) -> list[Path]:
    group = name.partition("_")[0]
    # before 2024 galaxies lay beside the particles
    folder = root / "Sims" / run / name if old else root / kind / run / BOX / group / name
    stem = stems[old]
    if parts == 1:
        return [folder / f"{stem}.hdf5"]
    return [folder / f"{stem}.{part}.hdf5" for part in range(parts)]


def _write(
    path: Path,
    header: Mapping[str, Any],
    groups: Mapping[str, Mapping[str, np.ndarray]],
    options: dict[str, Any],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_group("Header").attrs.update(header)
        for group, columns in groups.items():
            inside = file.create_group(group)
            for name, values in columns.items():
                real = values.dtype.kind == "f"
                inside.create_dataset(name, data=values, **(options if real else {}))


def _lossy() -> dict[str, Any]:
    try:
        import hdf5plugin
    except ImportError as error:
        raise DatasetError("lossy compression needs hdf5plugin: pip install hdf5plugin") from error
    return dict(hdf5plugin.Zfp(accuracy=ACCURACY))
