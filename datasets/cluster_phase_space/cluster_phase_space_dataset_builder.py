"""TFDS builder of galaxy clusters in projected phase space, mocks or a simulation's catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.features import quantity, text

RECORD = "zoo_datasets.simulators.clusters.record:record"
FULL = {"train": 100_000, "validation": 5_000, "calibration": 5_000, "test": 10_000}


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs.

    Attributes
    ----------
    mock : str or None
        Parameters of the mock (`zoo_datasets.simulators.clusters.parameters.CONFIGS`), None where
        a catalogue is read.
    sizes : dict
        Clusters of each split.
    per_chunk : int
        Clusters simulated between two points at which a killed build can continue.
    """

    mock: str | None
    sizes: dict[str, int] = dataclasses.field(default_factory=lambda: dict(FULL))
    per_chunk: int = 1000


class Builder(tfds.core.GeneratorBasedBuilder):
    """Galaxy clusters: positions, velocities and magnitudes of the galaxies seen, and M200c."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS: ClassVar = (
        "Only for the config `mdpl2`: put `hosts.csv` and `sfr_catalog.bin` into the manual folder "
        "of TFDS; README.md tells where they come from."
    )
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="contaminated",
            description="Satellite galaxies with M_r < -19 in a cylinder, interlopers included.",
            mock="contaminated",
        ),
        Config(
            name="pure",
            description="The members inside the virial radius of clusters as in `contaminated`.",
            mock="pure",
        ),
        Config(
            name="sdss",
            description="Flux-limited, to 4 Mpc/h, with centrals and field galaxies.",
            mock="sdss",
        ),
        Config(
            name="wide",
            description="`contaminated` with wider nuisances, to test and train robustness.",
            mock="wide",
        ),
        Config(
            name="mdpl2",
            description="Haloes and galaxies of a simulation, cut as `contaminated`.",
            mock=None,
            sizes={},
        ),
        Config(
            name="tiny",
            description="The first clusters of `contaminated`, for tests.",
            mock="contaminated",
            sizes={"train": 24, "validation": 8, "calibration": 8, "test": 8},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        per_galaxy: dict[str, Any] = {"shape": (None,)}
        features = {
            "object_id": text("Split, number of the halo and of the view"),
            "halo_id": quantity("Number of the halo; all its views share it", "1", dtype=np.int64),
            "log_mass": quantity("log10 of M200c in Msun / littleh", "1", allowed="13.5 to 15.35"),
            "redshift": quantity("Cosmological redshift of the cluster", "1"),
            "distance": quantity("Comoving distance", "Mpc / littleh"),
            "r_200c": quantity("Radius r200c, comoving", "Mpc / littleh"),
            "concentration": quantity("Concentration c200c of the matter, may be NaN", "1"),
            "richness": quantity("Number of galaxies in the cut", "1", dtype=np.int32),
            "r_proj": quantity(
                "Projected distance of galaxies from the centre, comoving, increasing",
                "Mpc / littleh",
                **per_galaxy,
            ),
            "v_los": quantity(
                "Velocity along the line of sight relative to the cluster", "km / s", **per_galaxy
            ),
            "x_proj": quantity("Projected position, comoving", "Mpc / littleh", **per_galaxy),
            "y_proj": quantity("Projected position, comoving", "Mpc / littleh", **per_galaxy),
            "abs_mag_r": quantity(
                "Absolute magnitude M_r - 5 log10 h, may be NaN", "mag", **per_galaxy
            ),
            "is_member": quantity(
                "1 inside the virial radius of the cluster, else 0",
                "1",
                dtype=np.uint8,
                **per_galaxy,
            ),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://arxiv.org/abs/1902.05950",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split; none where a catalogue is read."""
        return simulated.tasks(self, RECORD, {"config": self.builder_config.mock})

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int | str, chunks.Record]]]:
        if self.builder_config.mock is None:
            from zoo_datasets.cluster_phase_space import catalogue

            return catalogue.splits(Path(dl_manager.manual_dir))
        return dict(simulated.splits(self.tasks()))

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""
