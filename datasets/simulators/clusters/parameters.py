"""Every number of the cluster mocks, with its source."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

C = 299792.458  # [km/s]


@dataclasses.dataclass(frozen=True)
class Parameters:
    """What a mock catalogue is made with; the defaults are `contaminated`.

    Lengths are comoving Mpc/h, velocities km/s, masses log10(M200c / (Msun/h)). A pair is a mean
    and the standard deviation from cluster to cluster.
    """

    # --- which galaxies are seen
    r_max: float = 1.6  # projected radius of the cylinder (Ho et al. 2019)
    v_max: float = 2200.0  # half its depth in velocity (Ho et al. 2019, later configurations)
    m_r_limit: float = -19.0  # absolute magnitude M_r - 5 log h of the faintest galaxy
    flux_limit: float | None = None  # apparent r; SDSS main sample: 17.77 (Strauss et al. 2002)
    completeness: tuple[float, float] = (1.0, 1.0)  # uniform between; fibres of SDSS: 0.85 to 0.98
    satellites_only: bool = True  # centrals and galaxies outside of haloes are left out (Ho+19)
    members_only: bool = False  # the pure catalogue
    min_galaxies: int = 10  # a cluster is drawn again, at its mass, until it has so many

    # --- where
    redshift: float = 0.117  # of the haloes (Ho+19); with a flux limit it depends on distance
    distance_max: float | None = None  # comoving; uniform in volume up to here
    distance_min: float = 30.0  # with a flux limit

    # --- the host
    log_mass: tuple[float, float] = (13.5, 15.35)  # uniform between: no mass function is encoded
    scatter_concentration: float = 0.14  # dex about Diemer & Joyce (2019)
    concentration_ratio: float = 0.6  # galaxies are less concentrated than matter (Hennig+17: ~0.5)
    scatter_concentration_ratio: float = 0.12  # dex
    beta_inf: tuple[float, float] = (0.45, 0.25)  # beta(r) = beta_inf r / (r + r_s), Mamon & Lokas
    beta_limits: tuple[float, float] = (-0.4, 0.9)
    # Dynamical friction and tides leave galaxies with a steeper relation than matter has: sigma
    # grows as M^0.364 against M^0.334 (Munari et al. 2013; exponents quoted second-hand). Also in
    # MDPL2 the velocity bias grows with mass (Anbajagane et al. 2022)
    velocity_bias: tuple[float, float] = (0.985, 0.03)  # at 10^15 Msun/h (C)
    velocity_bias_slope: float = 0.030
    axis_ratio_b: tuple[float, float] = (0.75, 0.10)  # b/a (Jing & Suto 2002)
    axis_ratio_c: tuple[float, float] = (0.60, 0.10)  # c/a
    velocity_shape: float = 0.55  # velocity ellipsoid ~ axis^this, less flattened than the shape
    virial_radius: float = 1.3  # members lie inside this many r200c (Rockstar's virial radius)
    splashback_radius: float = 1.75  # the outermost orbiting galaxies, in r200c

    # --- substructure
    clump_fraction: tuple[float, float] = (1.2, 6.0)  # Beta distribution of the galaxies in clumps
    clumps: int = 6  # at most
    clump_pareto: float = 1.0  # index of the weights of the clumps
    merger_probability: float = 0.15  # one dominant clump (C)
    merger_fraction: tuple[float, float] = (0.15, 0.50)  # of the galaxies, uniform

    # --- galaxies of haloes (HOD of Zehavi et al. 2011, table 3, rounded)
    alpha: float = 1.02
    scatter_richness: float = 0.15  # dex of the number of satellites, beyond Poisson
    richness_concentration: float = -0.5  # correlation with ln concentration
    scatter_central: float = 0.15  # dex in mass at given central luminosity

    # --- what surrounds it (C: calibrated, see docs/cluster_mocks.md)
    halo_dispersion: float = 350.0  # 1D, of haloes relative to the cluster, far from it
    stirring: float = 0.5  # the same near it, in v200 (r200 / r)^0.5, added in quadrature
    infall_cap: float = 0.5  # mean infall at most this many v200 (C)
    contamination: float = 1.8  # factor of the haloes around the cluster (C)
    halo_boost: float = 1.75  # of the correlated haloes inside `correlated_radius`, over bias (C)
    environment: float = 1.6  # factor of the width of the lognormal density (C)
    density_limit: float = 20.0  # of a cell, in means: the tail of a lognormal knows none
    correlated_radius: float = 12.0  # inside, the excess is placed by distance from the cluster
    filament_share: float = 0.5  # of this excess, along `filaments` directions
    filaments: int = 3
    filament_width: float = 0.25  # [rad]
    depth: float = 48.0  # haloes are drawn to this distance along the line of sight
    cell: float = 8.0  # of the lognormal density along the line of sight

    # --- centre
    centre_position: float = 0.0  # offset of the central galaxy, 1D in r200c
    centre_velocity: float = 0.0  # 1D, in the cluster's dispersion

    # --- nuisances: widths from cluster to cluster, for `wide`
    wide_richness: float = 0.0  # dex of the number of satellites
    wide_contamination: tuple[float, float] = (1.0, 1.0)  # factor, log-uniform
    wide_miscentring: float = 0.0  # 1D [r200c], Rayleigh in projection

    def changed(self, **changes: Any) -> Parameters:
        """The same with other values."""
        return dataclasses.replace(self, **changes)


SDSS = {
    "r_max": 4.0,
    "m_r_limit": -17.5,
    "flux_limit": 17.77,
    "completeness": (0.85, 0.98),
    "satellites_only": False,
    "distance_max": 250.0,
    "redshift": 0.06,
    "contamination": 1.0,  # what is calibrated with satellites alone would double the field
    "centre_position": 0.02,
    "centre_velocity": 0.25,
}
WIDE = {
    "velocity_bias": (0.985, 0.06),
    "beta_inf": (0.40, 0.35),
    "wide_richness": 0.10,
    "wide_contamination": (0.6, 1.6),
    "wide_miscentring": 0.06,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "contaminated": {},
    "pure": {"members_only": True, "v_max": 1e4},  # no velocity cut
    "sdss": SDSS,
    "wide": WIDE,
}


def named(config: str) -> Parameters:
    """Parameters of a config of the dataset."""
    return Parameters(**CONFIGS[config])


def digest(facts: Any) -> str:
    """SHA-256 of anything JSON can hold, independent of the order of keys."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
