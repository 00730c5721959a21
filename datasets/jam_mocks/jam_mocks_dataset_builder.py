"""TFDS builder of the Sersic mock galaxies with the second moments of JAM."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.features import quantity, text
from zoo_datasets.simulators import sersic_mock_sph
from zoo_datasets.simulators.sersic_mock import FIXED, PIXELS, POLAR_SHAPE, PRIOR

RECORDS = {  # by truth
    "cyl": "zoo_datasets.simulators.sersic_mock:record",
    "jampy": "zoo_datasets.simulators.sersic_mock:record",
    "sph": "zoo_datasets.simulators.sersic_mock_sph:record",
}
MAP = (PIXELS, PIXELS)


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs: whose truth, and how many galaxies.

    Attributes
    ----------
    truth : str
        "cyl" (our exact JAM), "jampy", or "sph" (our solver for spherical alignment).
    sizes : dict
        Galaxies of each split.
    per_chunk : int
        Galaxies simulated between two points at which a killed build can continue.
    """

    truth: str = "cyl"
    sizes: dict[str, int]
    per_chunk: int = 50


class Builder(tfds.core.GeneratorBasedBuilder):
    """10,000 axisymmetric Sersic galaxies: photometry and JAM second moments."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="cyl",
            description="Cylindrical alignment, exact quadrature of our own.",
            sizes={"train": 7500, "validation": 500, "test": 2000},
        ),
        Config(
            name="sph",
            description="Spherical alignment, spectral solver of our own.",
            truth="sph",
            sizes={"train": 7500, "validation": 500, "test": 2000},
        ),
        Config(
            name="jampy",
            description="The first galaxies of `cyl` with the second moments of jampy 8 itself.",
            truth="jampy",
            sizes={"train": 20, "validation": 5, "test": 25},
            per_chunk=1,
        ),
        Config(
            name="tiny",
            description="The first galaxies of `cyl`, for tests.",
            sizes={"train": 12, "validation": 4, "test": 4},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        spherical = self.builder_config.truth == "sph"
        prior = sersic_mock_sph.PRIOR if spherical else PRIOR
        drawn = {name: f"{low:g} to {high:g}" for name, (low, high) in prior.items()}
        fixed = {name: f"{value:g}" for name, value in FIXED.items()}
        scalars = {
            name: quantity(description, unit, allowed=(drawn | fixed)[name])
            for name, (description, unit) in {
                "n_sersic": ("Sersic index of light and mass", "1"),
                "r_sersic": ("Effective radius along the major axis", "arcsec"),
                "q_light": ("Projected axis ratio of the light", "1"),
                "q_mass": ("Projected axis ratio of the mass", "1"),
                **(
                    {"beta": ("Anisotropy 1 - (sigma_theta / sigma_r)^2", "1")}
                    if spherical
                    else {"beta_z": ("Anisotropy 1 - (sigma_z / sigma_R)^2", "1")}
                ),
                "inclination": ("Inclination, 90 is edge-on", "deg"),
                "position_angle": ("From the map's +x axis to the major axis, ccw", "deg"),
                "ml": ("Mass-to-light ratio", "Msun / Lsun"),
                "intensity_e": ("Surface brightness at r_sersic", "Lsun / pc2"),
                "distance": ("Angular-diameter distance", "Mpc"),
            }.items()
        }
        polar = "on the polar quadrant (elliptical radius, eccentric anomaly)"
        arrays = {
            "photometry": quantity("Surface brightness over intensity_e on the map", "1", MAP),
            "vrms": quantity("Root of the second velocity moment on the map", "km / s", MAP),
            "vrms_polar": quantity(f"The same {polar}", "km / s", POLAR_SHAPE),
        }
        if not spherical:
            arrays["rho_polar"] = quantity(
                "Share rho of the isotropic second moment G0 that grows with b = 1/(1 - beta_z), "
                f"vrms^2 = G0 [1 + (b - 1) rho], {polar}",
                "1",
                POLAR_SHAPE,
            )
        object_id = text("Split and number of the galaxy")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"object_id": object_id, **scalars, **arrays}),
            homepage="https://arxiv.org/abs/2602.17371",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split."""
        truth = self.builder_config.truth
        options = {} if truth == "sph" else {"truth": truth}
        return simulated.tasks(self, RECORDS[truth], options)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, chunks.Record]]]:
        return simulated.splits(self.tasks())

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""
