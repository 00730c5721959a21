"""TFDS builder of dark matter and galaxies in boxes: toy suites of ours, or the real CAMELS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks
from zoo_datasets.dark_matter_galaxies import toys
from zoo_datasets.features import quantity, text

BOXES = {"train": 20, "validation": 3, "test": 4}  # CV_0 to CV_26
LARGE = {"train": 2, "validation": 1, "test": 5}  # of 256^3
VARIED = {"train": 30, "validation": 2, "test": 8}
TINY = {"train": 2, "validation": 1, "test": 1}


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs.

    Attributes
    ----------
    suite : str
        Toy suite, or the suite of CAMELS.
    particles : int
        Along a side; the grid has as many voxels.
    everything : bool
        Whether every subhalo of the toys counts, or those of more than 20 star particles.
    varied : bool
        Whether omega_m, sigma_8 and a_sn1 differ from box to box.
    slabs : bool
        Maps of slabs in place of boxes.
    selection : str or None
        Of the galaxies of CAMELS; None for toys.
    """

    suite: str
    particles: int = 128
    everything: bool = False
    varied: bool = False
    slabs: bool = False
    selection: str | None = None
    sizes: dict[str, int] = dataclasses.field(default_factory=lambda: dict(BOXES))


def _toys() -> list[Config]:
    configs = []
    for suite, parent in (("toy_tng", "IllustrisTNG"), ("toy_simba", "SIMBA")):
        told = f"Toy galaxies, fitted to clustering in CAMELS {parent}"
        configs += [
            Config(name=suite, suite=suite, description=f"{told}, 128^3."),
            Config(
                name=f"{suite}_all",
                suite=suite,
                particles=256,
                everything=True,
                sizes=dict(LARGE),
                description=f"{told}, as many as there are subhaloes, 256^3.",
            ),
            Config(
                name=f"{suite}_varied",
                suite=suite,
                varied=True,
                sizes=dict(VARIED),
                description=f"{told}, 128^3, omega_m, sigma_8 and a_sn1 varied.",
            ),
            Config(
                name=f"{suite}_2d",
                suite=suite,
                slabs=True,
                description=f"{told}, maps of slabs of 5 Mpc/h.",
            ),
        ]
    return configs


class Builder(tfds.core.GeneratorBasedBuilder):
    """Dark matter on a grid, haloes and galaxies of boxes of 25 Mpc/h."""

    VERSION = tfds.core.Version("1.0.0")
    RUNNER: ClassVar = "DirectRunner"  # one box per element
    SHARED: ClassVar = True  # N-body runs stay in the cache: every suite is painted on the same
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS: ClassVar = (
        "Only for the configs `camels_*`: put a tree of CAMELS files into the manual folder of "
        "TFDS; README.md tells which files, and where they come from."
    )
    BUILDER_CONFIGS: ClassVar = [
        *_toys(),
        *(
            Config(
                name=f"camels_{suite.lower().removeprefix('illustris')}",
                suite=suite,
                particles=256,
                selection="subhalo_all",
                sizes={},
                description=f"N-body and galaxies of CAMELS {suite}, set CV, all subhaloes, 256^3.",
            )
            for suite in ("IllustrisTNG", "SIMBA", "Astrid")
        ),
        Config(
            name="tiny",
            suite="toy_tng",
            particles=32,
            sizes=dict(TINY),
            description="`toy_tng` in 32^3, for tests.",
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        n = config.particles
        features: dict[str, Any] = {
            "object_id": text("Simulation, and the number of the slab"),
            "box_size": quantity("Side of the box, comoving", "Mpc / littleh"),
            "omega_m": quantity("Density of matter", "1", allowed="0.1 to 0.5"),
            "sigma_8": quantity("Amplitude of the linear power spectrum", "1", allowed="0.6 to 1"),
            "a_sn1": quantity("Strength of supernova feedback", "1", allowed="0.25 to 4"),
            "a_agn1": quantity("Strength of AGN feedback; no effect on toys", "1"),
            "a_sn2": quantity("Second parameter of supernovae; no effect on toys", "1"),
            "a_agn2": quantity("Second parameter of AGN; no effect on toys", "1"),
        }
        box = (n, n, n)
        if config.slabs:
            maps: dict[str, Any] = {"shape": (n, n)}
            features |= {
                "dm_map": quantity("Particles above each pixel", "1", dtype=np.uint32, **maps),
                "galaxy_map": quantity("Galaxies above each pixel", "1", dtype=np.uint16, **maps),
            }
        else:
            features |= {
                "dm_counts": quantity("Particles in each voxel", "1", box, np.uint16),
                "dm_velocity": quantity(
                    "Mean peculiar velocity of a voxel's particles", "km / s", (*box, 3), np.float16
                ),
                "halo_mass": quantity("Friends-of-friends mass", "Msun / littleh", (None,)),
                "halo_position": quantity("Densest place", "Mpc / littleh", (None, 3)),
                "halo_radius": quantity("Radius r200c of the mass", "Mpc / littleh", (None,)),
                "halo_velocity": quantity("Mean velocity", "km / s", (None, 3)),
                "galaxy_position": quantity("Position", "Mpc / littleh", (None, 3)),
                "galaxy_count": quantity("Galaxies in each voxel", "1", box, np.uint8),
            }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://camels.readthedocs.io",
            disable_shuffling=True,
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the N-body runs behind each split; none where CAMELS is read."""
        if self.builder_config.selection is not None:
            return []
        return toys.tasks(self.name, str(self.version), self.builder_config)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int | str, chunks.Record]]]:
        config = self.builder_config
        if config.selection is None:
            return toys.splits(self.tasks(), config)
        from zoo_datasets.dark_matter_galaxies import camels

        return camels.boxes(
            Path(dl_manager.manual_dir), config.suite, config.selection, config.particles
        )

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: boxes come from the chunk cache or from files."""
