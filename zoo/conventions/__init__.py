"""Conversions between the conventions of jampy, mgefit, lenstronomy, GLEE, SKiNN and DYNAMITE.

Every function takes numbers in the unit its docstring states, or Quantities that convert to it,
and returns plain arrays in that unit. A value outside the physical range raises one `InputError`
that names it.
"""

from zoo.conventions.angles import (
    dynamite_angle_from_pa,
    dynamite_viewing_angles,
    find_galaxy_theta_from_pa,
    inclination_from_viewing_angles,
    lenstronomy_phi_from_pa,
    pa_from_dynamite_angle,
    pa_from_find_galaxy_theta,
    pa_from_lenstronomy_phi,
    pa_from_x_angle,
    to_major_axis,
    x_angle_from_pa,
)
from zoo.conventions.anisotropy import (
    beta_for,
    beta_from_ratio,
    binney_beta,
    ratio_from_beta,
    squared_ratio,
)
from zoo.conventions.lensing import (
    gamma_from_glee,
    glee_gamma,
    glee_theta_e,
    lenstronomy_theta_e,
)
from zoo.conventions.photometry import (
    arcsec_in_pc,
    magnitude_from_surface_density,
    ml_at_distance,
    peak_from_counts,
    surface_density_from_magnitude,
)
from zoo.conventions.shapes import (
    axis_ratio_from_eps,
    e1e2_from_q_phi,
    eps_from_axis_ratio,
    inclination,
    intrinsic_axis_ratio,
    major_axis_radius,
    observed_axis_ratio,
    product_average_radius,
    q_phi_from_e1e2,
)

__all__ = [
    "arcsec_in_pc",
    "axis_ratio_from_eps",
    "beta_for",
    "beta_from_ratio",
    "binney_beta",
    "dynamite_angle_from_pa",
    "dynamite_viewing_angles",
    "e1e2_from_q_phi",
    "eps_from_axis_ratio",
    "find_galaxy_theta_from_pa",
    "gamma_from_glee",
    "glee_gamma",
    "glee_theta_e",
    "inclination",
    "inclination_from_viewing_angles",
    "intrinsic_axis_ratio",
    "lenstronomy_phi_from_pa",
    "lenstronomy_theta_e",
    "magnitude_from_surface_density",
    "major_axis_radius",
    "ml_at_distance",
    "observed_axis_ratio",
    "pa_from_dynamite_angle",
    "pa_from_find_galaxy_theta",
    "pa_from_lenstronomy_phi",
    "pa_from_x_angle",
    "peak_from_counts",
    "product_average_radius",
    "q_phi_from_e1e2",
    "ratio_from_beta",
    "squared_ratio",
    "surface_density_from_magnitude",
    "to_major_axis",
    "x_angle_from_pa",
]
