"""The Sersic mock galaxy with a velocity ellipsoid aligned with spherical coordinates.

Galaxy, map and polar quadrant are those of `sersic_mock`. The anisotropy is
beta = 1 - (sigma_theta / sigma_r)^2, not beta_z, and no bound ties it to the flattening: what
observations say about beta_z in cylindrical alignment has no counterpart here, and all three
intrinsic second moments are positive throughout the prior.
"""

from __future__ import annotations

import numpy as np

from zoo_datasets.simulators import jam_sph, sersic_mock

PRIOR = {("beta" if n == "beta_z" else n): limits for n, limits in sersic_mock.PRIOR.items()}


def accepted(galaxy: dict[str, float]) -> bool:
    """Whether light and mass are rounder than the flattest body of JAM."""
    ratios = (
        sersic_mock.intrinsic_axis_ratio(galaxy[name], galaxy["inclination"])
        for name in ("q_light", "q_mass")
    )
    return bool(min(ratios) >= sersic_mock.FLATTEST)


def draw(rng: np.random.Generator) -> dict[str, float]:
    """Parameters of one galaxy, as `sersic_mock.draw` but with `beta` in place of `beta_z`."""
    return sersic_mock.draw(rng, PRIOR, accepted)


def simulate(galaxy: dict[str, float]) -> dict[str, np.ndarray]:
    """One galaxy as the dataset has it: parameters, photometry, map and polar quadrant.

    Every pixel is evaluated by itself.

    Parameters
    ----------
    galaxy : dict
        As `draw` gives it.
    """
    view = galaxy["inclination"], 0.0, galaxy["distance"]
    at = sersic_mock.record_positions(galaxy)
    vrms = jam_sph.vrms(*sersic_mock.mges(galaxy), *view, *at, beta=galaxy["beta"])
    on_map, polar = sersic_mock.unfold(vrms)
    arrays = {"photometry": sersic_mock.photometry(galaxy), "vrms": on_map, "vrms_polar": polar}
    return {name: np.asarray(value, np.float32) for name, value in (galaxy | arrays).items()}


def record(rng: np.random.Generator, split: str, index: int) -> dict[str, np.ndarray]:
    """Record `index` of a split."""
    return {"object_id": np.array(f"{split}-{index:05d}"), **simulate(draw(rng))}
