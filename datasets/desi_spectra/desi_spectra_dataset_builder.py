"""TFDS builder of mock optical spectra of galaxies at z < 1.6, as a survey like DESI takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.features import quantity, text
from zoo_datasets.simulators.spectra import grids
from zoo_datasets.simulators.spectra.desi import PIXELS

RECORD = "zoo_datasets.simulators.spectra.desi_record:record"
TEMPLATE = "zoo_datasets.simulators.spectra.desi_record:template"


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs.

    Attributes
    ----------
    function : str
        What makes a record.
    options : dict
        Its keyword arguments.
    sizes : dict
        Galaxies of each split.
    per_chunk : int
        Galaxies simulated between two points at which a killed build can continue.
    """

    function: str = RECORD
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    per_chunk: int = 500


class Builder(tfds.core.GeneratorBasedBuilder):
    """Noiseless optical spectra and the galaxy behind each; noise is drawn later."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="full",
            description="16,000 galaxies: BPASS stars, MAPPINGS lines.",
            sizes={"train": 10_000, "validation": 1500, "calibration": 1500, "test": 3000},
        ),
        Config(
            name="templates",
            description="Other galaxies of the same population, in the rest frame.",
            function=TEMPLATE,
            sizes={"train": 3000, "validation": 200},
        ),
        Config(
            name="tiny",
            description="The first galaxies of `full` with a toy continuum, for tests.",
            options={"library": "parametric"},
            sizes={"train": 32, "validation": 8, "calibration": 8, "test": 16},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        template = self.builder_config.function == TEMPLATE
        features = {
            "object_id": text("Split and number of the galaxy"),
            "galaxy_id": quantity("Number of the galaxy", "1", dtype=np.int64),
            **{
                name: quantity(description, unit, allowed=allowed)
                for name, (description, unit, allowed) in GALAXY.items()
            },
            "is_passive": quantity(
                "1 if it forms less than 0.2 of its mass in the age of the universe, else 0",
                "1",
                dtype=np.uint8,
            ),
            **(_template() if template else _spectrum()),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://data.desi.lbl.gov/doc/",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split."""
        config = self.builder_config
        return simulated.tasks(self, config.function, dict(config.options))

    def _split_generators(
        self, _dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, chunks.Record]]]:
        return dict(simulated.splits(self.tasks()))

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""


GALAXY = {
    "redshift": ("Redshift", "1", "0.001 to 1.6"),
    "log_mstar": ("log10 of the mass of stars and remnants in Msun", "1", None),
    "log_sfr": ("log10 of the star-formation rate of the last 100 Myr in Msun / yr", "1", None),
    "mag_z": ("AB magnitude, mean of 8400-9700 Angstrom", "mag", "15 to 22.8"),
    "a_v": ("Attenuation of starlight in V; 1.6 times that on lines", "mag", "0 to 3.5"),
    "sigma_v": ("Velocity dispersion of stars and gas", "km / s", "30 to 400"),
    "metallicity": ("Mass fraction of metals in stars", "1", "0.002 to 0.008"),
    "log_u": ("log10 of the ionisation parameter", "1", "-4 to -2"),
    "log_pressure": ("log10 of the gas pressure P/k in K / cm3", "1", "5.4 to 7.8"),
    "log_oh": ("12 + log10 of O/H of the gas", "1", "7.7 to 9.1"),
    "age": ("Time since the first stars", "Gyr", "0.2 to 13"),
    "tau": ("Time scale of the delayed exponential", "Gyr", "0.05 to 10"),
    "quench_time": ("How long ago quenching began, 0 for never", "Gyr", "0 to 8"),
    "burst_mass": ("Mass of a burst over that of the other stars", "1", "0 to 0.2"),
}
Features = dict[str, tfds.features.FeatureConnector]


def _spectrum() -> Features:
    return {
        "flux_true": _halves(
            "Noiseless flux on pixels of 0.8 Angstrom from 3600 Angstrom",
            "1e-17 erg / (s cm2 Angstrom)",
            PIXELS,
        ),
        "flux_halpha": quantity("Flux of H alpha", "1e-17 erg / (s cm2)"),
        "exposure": quantity("Time on source under a dark sky", "s", allowed="300 to 6000"),
        "noise_seed": quantity("Seed of the noise", "1", dtype=np.int64),
    }


def _template() -> Features:
    bins = len(grids.template_edges()) - 1
    return {
        "rest_flux": _halves(
            "Luminosity per wavelength in the rest frame, mean of 4000-5000 Angstrom is 1",
            "1",
            bins,
        )
    }


def _halves(description: str, unit: str, length: int) -> tfds.features.FeatureConnector:
    """Feature of float16 numbers."""
    return tfds.features.Tensor(
        shape=(length,),
        dtype=np.float16,
        encoding=tfds.features.Encoding.BYTES,
        doc=tfds.features.Documentation(desc=f"{description} [{unit}]"),
    )
