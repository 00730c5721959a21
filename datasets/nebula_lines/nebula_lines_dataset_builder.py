"""TFDS builder of line fluxes of nebulae: two independent codes, and the user's catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.errors import DatasetError
from zoo_datasets.features import quantity, text
from zoo_datasets.simulators.nebulae import grids
from zoo_datasets.simulators.nebulae.lines import NAMES

RECORD = "zoo_datasets.simulators.nebulae.record:record"
FULL = {"train": 100_000, "validation": 10_000, "calibration": 10_000, "test": 10_000}
FLUX = "1e-17 erg / (s cm2)"


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs.

    Attributes
    ----------
    code : str or None
        Whose models are used; None where a catalogue is read.
    population : str
        Classes, gas and noise, see `zoo_datasets.simulators.nebulae.record`.
    sizes : dict
        Nebulae of each split.
    per_chunk : int
        Nebulae simulated between two points at which a killed build can continue.
    """

    code: str | None
    population: str = ""
    sizes: dict[str, int] = dataclasses.field(default_factory=lambda: dict(FULL))
    per_chunk: int = 5000


class Builder(tfds.core.GeneratorBasedBuilder):
    """Nebulae: fluxes of twelve lines, with errors and upper limits, and class and gas behind."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS: ClassVar = (
        "For the configs of Cloudy, put the tables of HII-CHI-Mistry into the manual folder of "
        "TFDS; for `catalogue`, a table of fluxes; README.md tells which and where from."
    )
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="mappings",
            description="The labelled source: MAPPINGS, all classes alike, little dust, no blends.",
            code="mappings",
            population="source",
        ),
        Config(
            name="cloudy",
            description="The target: Cloudy, mostly H II regions, diffuse gas, dust, more noise.",
            code="cloudy",
            population="target",
        ),
        Config(
            name="cloudy_hii",
            description="H II regions of Cloudy, parameters uniform, for inference.",
            code="cloudy",
            population="inference",
        ),
        Config(
            name="catalogue",
            description="Observed fluxes from the user's own table.",
            code=None,
            sizes={},
        ),
        Config(
            name="tiny",
            description="The first nebulae of `mappings`, for tests.",
            code="mappings",
            population="source",
            sizes={"train": 64, "validation": 16, "calibration": 16, "test": 32},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        observed = self.builder_config.code is None
        features = {
            "object_id": text("Split and number of the nebula, or galaxy and region"),
            "label": quantity(
                "Class: 0 H II region, 1 planetary nebula, 2 supernova remnant, 255 unknown",
                "1",
                dtype=np.uint8,
            ),
            **lines(None if observed else len(NAMES)),
            **({} if observed else gas()),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://arxiv.org/abs/2410.16370",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split; none where a catalogue is read.

        Raises
        ------
        DatasetError
            If a table of Cloudy is not there, or is another one.
        """
        config = self.builder_config
        if config.code is None:
            return []
        options = {"code": config.code, "population": config.population}
        if config.code == "cloudy":
            folder = str(Path(self.data_dir).parents[2] / "downloads" / "manual")
            try:
                for which in grids.FILES:
                    grids.cloudy(folder, which)
            except (FileNotFoundError, ValueError) as error:
                raise DatasetError(str(error)) from error
            options["folder"] = folder
        return simulated.tasks(self, RECORD, options)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int | str, chunks.Record]]]:
        if self.builder_config.code is None:
            from zoo_datasets.nebula_lines import catalogue

            return dict(catalogue.splits(Path(dl_manager.manual_dir)))
        return dict(simulated.splits(self.tasks()))

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""


Features = dict[str, tfds.features.FeatureConnector]


def lines(count: int | None) -> Features:
    """What is observed."""
    return {
        "line": quantity(
            "Wavelength of the line in air, of a sum its middle", "Angstrom", (count,)
        ),
        "flux": quantity("Flux, or the limit that it does not reach", FLUX, (count,)),
        "flux_error": quantity("Error of the flux", FLUX, (count,)),
        "is_limit": quantity(
            "1 where the flux is an upper limit of 3 errors, else 0", "1", (count,), np.uint8
        ),
    }


def gas() -> Features:
    """What is known of a mock."""
    table = {
        "log_u": ("log10 of the ionisation parameter, may be NaN", "1", "-4 to -0.5"),
        "log_oh": ("12 + log10 O/H of the gas", "1", "7.1 to 9.1"),
        "log_no": ("log10 N/O, may be NaN: MAPPINGS ties it to O/H", "1", "-2 to 0"),
        "ebv": ("Colour excess E(B-V) of a screen of dust", "mag", None),
        "dig_fraction": ("Share of H beta that is diffuse gas", "1", "0 to 0.55"),
        "quality": ("Ratio of signal to noise of H alpha", "1", "15 to 400"),
    }
    return {
        "flux_true": quantity("Noiseless flux", FLUX, (len(NAMES),)),
        "below_table": quantity(
            "1 where the grid of models rounds the line to zero: the noiseless flux is a limit",
            "1",
            (len(NAMES),),
            np.uint8,
        ),
        **{
            name: quantity(description, unit, allowed=allowed)
            for name, (description, unit, allowed) in table.items()
        },
    }
