"""TFDS builder of mock MOONS spectra of galaxies at 0.9 < z < 2.6, and of the user's spectra."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.errors import DatasetError
from zoo_datasets.features import quantity, text
from zoo_datasets.simulators.spectra import bagpipes, cloudy, grids
from zoo_datasets.simulators.spectra.instrument import PIXELS

RECORD = "zoo_datasets.simulators.spectra.record:record"
TEMPLATE = "zoo_datasets.simulators.spectra.record:template"
FLUX = "1e-17 erg / (s cm2 Angstrom)"
IVAR = "1e34 s2 cm4 Angstrom2 / erg2"
TEST = {"test": 6000}


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs.

    Attributes
    ----------
    function : str or None
        What makes a record; None where the user's files are read.
    options : dict
        Its keyword arguments.
    sizes : dict
        Galaxies of each split.
    per_chunk : int
        Galaxies simulated between two points at which a killed build can continue.
    """

    function: str | None = RECORD
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    sizes: dict[str, int] = dataclasses.field(default_factory=lambda: dict(TEST))
    per_chunk: int = 500


class Builder(tfds.core.GeneratorBasedBuilder):
    """Noiseless spectra on the pixels of MOONS and the galaxy behind each; noise is drawn later."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS: ClassVar = (
        "For `fits`, put files with spectra into the manual folder of TFDS; for `shifted_lines`, "
        "the line grid of HII-CHI-Mistry; README.md tells which and where from."
    )
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="full",
            description="120,000 galaxies: BPASS stars, MAPPINGS lines.",
            sizes={"train": 84_000, "validation": 15_000, "calibration": 15_000, **TEST},
        ),
        Config(
            name="small",
            description="The first galaxies of each split of `full`, and all of its test split.",
            sizes={"train": 14_000, "validation": 3_000, "calibration": 3_000, **TEST},
        ),
        Config(
            name="shifted_sky",
            description="The test galaxies; 1 % of the sky, of a wrong shape, is left over.",
            options={"sky_residual": 0.01},
        ),
        Config(
            name="shifted_calibration",
            description="The test galaxies; the flux scale is wrong by a smooth curve of 10 %.",
            options={"calibration_error": 0.1},
        ),
        Config(
            name="shifted_sps",
            description="The test galaxies with BC03 stars, from the user's own bagpipes.",
            options={"library": "bc03"},
        ),
        Config(
            name="shifted_lines",
            description="The test galaxies with lines of Cloudy, by way of HII-CHI-Mistry.",
            options={"lines": "cloudy"},
        ),
        Config(
            name="templates",
            description="Other galaxies of the same population, in the rest frame.",
            function=TEMPLATE,
            sizes={"train": 4000, "validation": 500},
        ),
        Config(
            name="fits",
            description="Spectra from the user's own files.",
            function=None,
            sizes={},
        ),
        Config(
            name="tiny",
            description="The first galaxies of `full` with a toy continuum, for tests.",
            options={"library": "parametric"},
            sizes={"train": 64, "validation": 16, "calibration": 16, "test": 32},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        function = self.builder_config.function
        features = {
            "object_id": text("Split and number of the galaxy, or file and number of the target"),
            **(files() if function is None else galaxy()),
            **({TEMPLATE: template(), RECORD: spectrum()}.get(function or "", {})),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://arxiv.org/abs/2410.22420",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split; none where files are read.

        Raises
        ------
        DatasetError
            If a config needs somebody else's table and it is not there.
        """
        config = self.builder_config
        if config.function is None:
            return []
        options = dict(config.options)
        try:
            if options.get("library") == "bc03":
                bagpipes.grid_path()
            if options.get("lines") == "cloudy":
                grid = Path(self.data_dir).parents[2] / "downloads" / "manual" / cloudy.FILE
                cloudy.hcm(grid)
                options["grid"] = str(grid)
        except (FileNotFoundError, ValueError) as error:
            raise DatasetError(str(error)) from error
        return simulated.tasks(self, config.function, options)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int | str, chunks.Record]]]:
        if self.builder_config.function is None:
            from zoo_datasets.moons_spectra.files import splits as read

            return dict(read(Path(dl_manager.manual_dir)))
        return dict(simulated.splits(self.tasks()))

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""


Features = dict[str, tfds.features.FeatureConnector]


def galaxy() -> Features:
    """What is known of a mock galaxy."""
    table = {
        "redshift": ("Redshift", "1", "0.9 to 2.6"),
        "log_mstar": ("log10 of the mass of stars and remnants in Msun", "1", None),
        "log_sfr": ("log10 of the star-formation rate of the last 100 Myr in Msun / yr", "1", None),
        "mag_h": ("AB magnitude, mean of 1.50-1.79 micron", "mag", "21 to 25.2"),
        "a_v": ("Attenuation of starlight in V; 1.6 times that on lines", "mag", "0 to 3.5"),
        "sigma_v": ("Velocity dispersion of stars and gas", "km / s", "40 to 400"),
        "metallicity": ("Mass fraction of metals in stars", "1", "0.002 to 0.008"),
        "log_u": ("log10 of the ionisation parameter", "1", "-4 to -2"),
        "log_pressure": ("log10 of the gas pressure P/k in K / cm3", "1", "5.4 to 7.8"),
        "log_oh": ("12 + log10 of O/H of the gas", "1", "7.7 to 9.1"),
        "age": ("Time since the first stars", "Gyr", "0.2 to 6"),
        "tau": ("Time scale of the delayed exponential", "Gyr", "0.05 to 10"),
        "quench_time": ("How long ago quenching began, 0 for never", "Gyr", "0 to 1.75"),
        "burst_mass": ("Mass of a burst over that of the other stars", "1", "0 to 0.2"),
    }
    return {
        "galaxy_id": quantity("Number of the galaxy", "1", dtype=np.int64),
        **{
            name: quantity(description, unit, allowed=allowed)
            for name, (description, unit, allowed) in table.items()
        },
        "is_passive": quantity(
            "1 if it forms less than 0.2 of its mass in the age of the universe, else 0",
            "1",
            dtype=np.uint8,
        ),
    }


def spectrum() -> Features:
    """A mock spectrum and what its noise is drawn from."""
    return {
        "flux_true": _halves("Noiseless flux on the pixels of MOONS", FLUX, PIXELS),
        "flux_halpha": quantity("Flux of H alpha", "1e-17 erg / (s cm2)"),
        "exposure": quantity("Time on source", "h", allowed="2, 4 or 8"),
        "airmass": quantity("Airmass", "1", allowed="1 to 2"),
        "seeing": quantity("Seeing at the zenith and 5000 Angstrom, FWHM", "arcsec"),
        "sky_residual": quantity("Root mean square of the part of the sky left over", "1"),
        "calibration_error": quantity("Root mean square error of the flux scale", "1"),
        "noise_seed": quantity("Seed of the noise", "1", dtype=np.int64),
    }


def template() -> Features:
    """A template."""
    bins = len(grids.template_edges()) - 1
    return {
        "rest_flux": _halves(
            "Luminosity per wavelength in the rest frame, mean of 4000-5000 Angstrom is 1",
            "1",
            bins,
        )
    }


def files() -> Features:
    """A spectrum of the user's."""
    return {
        "flux": quantity("Flux", FLUX, (None,)),
        "ivar": quantity("Inverse variance of the flux, 0 where masked", IVAR, (None,)),
        "wavelength": quantity("Wavelength in vacuum", "Angstrom", (None,), np.float64),
        "redshift": quantity("Redshift given in the file, may be NaN", "1"),
    }


def _halves(description: str, unit: str, length: int) -> tfds.features.FeatureConnector:
    """Feature of float16 numbers."""
    return tfds.features.Tensor(
        shape=(length,),
        dtype=np.float16,
        encoding=tfds.features.Encoding.BYTES,
        doc=tfds.features.Documentation(desc=f"{description} [{unit}]"),
    )
