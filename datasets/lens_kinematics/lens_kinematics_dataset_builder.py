"""TFDS builder of the lens galaxies of Gomer et al. (2023) with the second moments of JAM."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.features import quantity, text
from zoo_datasets.simulators.lens_galaxy import EVERY, PIXELS, POLAR_SHAPE

RECORD = "zoo_datasets.simulators.lens_galaxy:record"
SAMPLE = (len(range(0, PIXELS, EVERY)) ** 2,)


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """How many galaxies.

    Attributes
    ----------
    sizes : dict
        Galaxies of each split.
    per_chunk : int
        Galaxies simulated between two points at which a killed build can continue.
    """

    sizes: dict[str, int]
    per_chunk: int = 50


class Builder(tfds.core.GeneratorBasedBuilder):
    """9,000 lens galaxies, power-law mass with a core and Sersic light: JAM second moments."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="gomer2023",
            description="The parameter ranges and split sizes of Gomer et al. (2023).",
            sizes={"train": 4000, "validation": 1000, "test": 4000},
        ),
        Config(
            name="tiny",
            description="The first galaxies of `gomer2023`, for tests.",
            sizes={"train": 12, "validation": 4, "test": 4},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        scalars = {
            name: quantity(description, unit, allowed=allowed)
            for name, (description, unit, allowed) in {
                "q_mass": ("Projected axis ratio of the mass", "1", "0.6 to 1"),
                "q_light": ("Projected axis ratio of the light", "1", "0.6 to 1"),
                "theta_e": ("Einstein radius, GLEE's, of the coreless mass", "arcsec", "0.5 to 2"),
                "n_sersic": ("Sersic index of the light", "1", "2 to 4"),
                "r_sersic": ("Effective radius along the major axis", "arcsec", "0.5-1 theta_e"),
                "core_size": ("Core of the mass along the major axis", "arcsec", "0 to 0.081"),
                "gamma": ("Slope of the mass density, rho ~ r^-gamma", "1", "1.5 to 2.5"),
                "b_ani": ("Anisotropy 1 - (sigma_z / sigma_R)^2", "1", "-0.4 to 0.4"),
                "inclination": ("Inclination, 90 is edge-on", "deg", "arccos(least q) to 90"),
                "distance": ("Angular-diameter distance of the lens", "Mpc", "1215.739"),
                "distance_ratio": ("Dds / Ds", "1", "0.63176"),
            }.items()
        }
        code = tfds.features.Tensor(
            shape=(PIXELS, PIXELS),
            dtype=np.uint16,
            encoding=tfds.features.Encoding.BYTES,
            doc=tfds.features.Documentation(
                desc="Code of the quadrant, [j, i] at x = 0.02 i, y = 0.02 j arcsec: ln vrms = "
                "log_vrms_low + (log_vrms_high - log_vrms_low) code / 65535 [1]"
            ),
        )
        sample = "of every fifth pixel in x and in y"
        arrays = {
            "quadrant": code,
            "log_vrms_low": quantity("ln of the least vrms of the quadrant, in km / s", "1"),
            "log_vrms_high": quantity("ln of the greatest vrms of the quadrant, in km / s", "1"),
            "x": quantity(f"Position along the projected major axis {sample}", "arcsec", SAMPLE),
            "y": quantity(f"Position along the projected minor axis {sample}", "arcsec", SAMPLE),
            "vrms": quantity(f"Root of the second velocity moment {sample}", "km / s", SAMPLE),
            "g0_polar": quantity(
                "Isotropic vrms^2 on the polar quadrant (elliptical radius, eccentric anomaly)",
                "km2 / s2",
                POLAR_SHAPE,
            ),
            "g1_polar": quantity(
                "How it grows: vrms^2 = g0 + (b - 1) g1, b = 1 / (1 - b_ani)",
                "km2 / s2",
                POLAR_SHAPE,
            ),
        }
        object_id = text("Split and number of the galaxy")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"object_id": object_id, **scalars, **arrays}),
            homepage="https://arxiv.org/abs/2307.10381",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split."""
        return simulated.tasks(self, RECORD)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, chunks.Record]]]:
        return simulated.splits(self.tasks())

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""
