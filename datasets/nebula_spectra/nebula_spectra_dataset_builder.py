"""TFDS builder of mock MUSE spectra of ionised gas, mixed along the line of sight."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo_datasets import chunks, simulated
from zoo_datasets.features import quantity, text
from zoo_datasets.simulators.muse.instrument import PIXELS

RECORD = "zoo_datasets.simulators.muse.record:record"
FLUX = "1e-17 erg / (s cm2 Angstrom)"


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """What differs between the configs.

    Attributes
    ----------
    sizes : dict
        Lines of sight of each split.
    per_chunk : int
        Lines of sight simulated between two points at which a killed build can continue.
    """

    sizes: dict[str, int]
    per_chunk: int = 1000


class Builder(tfds.core.GeneratorBasedBuilder):
    """Noiseless spectra on the pixels of MUSE and the gas behind each; noise is drawn later."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS: ClassVar = [
        Config(
            name="muse",
            description="H II regions, planetary nebulae, toy remnants, diffuse gas, and mixtures.",
            sizes={"train": 40_000, "validation": 5_000, "calibration": 5_000, "test": 5_000},
        ),
        Config(
            name="tiny",
            description="The first lines of sight of each split of `muse`, for tests.",
            sizes={"train": 64, "validation": 16, "calibration": 16, "test": 32},
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "object_id": text("Split and number of the line of sight"),
                    "label": quantity(
                        "Class that gives most of H alpha: 0 H II region, 1 planetary nebula, "
                        "2 supernova remnant, 3 diffuse gas",
                        "1",
                        dtype=np.uint8,
                    ),
                    **shares(),
                    "flux_true": tfds.features.Tensor(
                        shape=(PIXELS,),
                        dtype=np.float16,
                        encoding=tfds.features.Encoding.BYTES,
                        doc=tfds.features.Documentation(
                            desc=f"Noiseless flux on the pixels of MUSE [{FLUX}]"
                        ),
                    ),
                    **facts(),
                    "noise_seed": quantity("Seed of the noise", "1", dtype=np.int64),
                }
            ),
            homepage="https://arxiv.org/abs/2502.20448",
            disable_shuffling=True,  # draws have no order: records stay in the order of their index
        )

    def tasks(self) -> list[chunks.Task]:
        """Return the simulations behind each split."""
        return simulated.tasks(self, RECORD)

    def _split_generators(
        self,
        dl_manager: tfds.download.DownloadManager,
    ) -> dict[str, Iterator[tuple[int, chunks.Record]]]:
        return simulated.splits(self.tasks())

    def _generate_examples(self) -> None:
        """Nothing is left for TFDS to generate: the splits are read from the chunk cache."""


Features = dict[str, tfds.features.FeatureConnector]


def shares() -> Features:
    """What each class contributes."""
    table = {
        "hii": "H II regions",
        "pn": "planetary nebulae",
        "snr": "supernova remnants (a toy)",
        "dig": "diffuse ionised gas",
    }
    return {
        name: quantity(f"Share of observed H alpha due to {words}", "1", allowed="0 to 1")
        for name, words in table.items()
    }


def facts() -> Features:
    """The line of sight, and what its noise is drawn from."""
    table = {
        "noise_unit": ("Error of a pixel near H alpha for which `quality` is 1", FLUX, None),
        "quality": ("Ratio of signal to noise of H alpha", "1", "5 to 200"),
        "sky_residual": ("Scatter of coherent sky residuals, in errors at an OH line", "1", None),
        "velocity": ("Velocity of the line of sight", "km / s", "-500 to 3000"),
        "flux_halpha": ("Observed flux of H alpha", "1e-17 erg / (s cm2)", "10 to 1000"),
        "ew_halpha": ("H alpha over what is left of the continuum", "Angstrom", "20 to 3000"),
        "ebv": ("Colour excess E(B-V) of a screen of dust", "mag", None),
    }
    return {
        name: quantity(description, unit, allowed=allowed)
        for name, (description, unit, allowed) in table.items()
    }
