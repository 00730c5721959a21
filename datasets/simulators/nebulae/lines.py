"""The twelve lines, or sums of lines, that records hold."""

from __future__ import annotations

import numpy as np

# Name, wavelength in air [A], and the lines that it sums, by the names of NebulaBayes' grids.
LINES = (
    ("OII3727", 3727.4, ("OII3726", "OII3729")),
    ("NeIII3869", 3868.8, ("NeIII3869",)),
    ("OIII4363", 4363.2, ("OIII4363",)),
    ("Hbeta", 4861.3, ("Hbeta",)),
    ("OIII5007", 5006.8, ("OIII5007",)),
    ("NII5755", 5754.6, ("NII5755",)),
    ("SIII6312", 6312.1, ("SIII6312",)),
    ("Halpha", 6562.8, ("Halpha",)),
    ("NII6584", 6583.5, ("NII6583",)),
    ("SII6725", 6723.6, ("SII6716", "SII6731")),
    ("OII7325", 7325.0, ("OII7320", "OII7330", "OII7331")),
    ("SIII9069", 9068.6, ("SIII9069",)),
)
NAMES = tuple(name for name, *_ in LINES)
WAVELENGTH = np.array([wavelength for _, wavelength, _ in LINES])
HBETA, HALPHA = NAMES.index("Hbeta"), NAMES.index("Halpha")
CASE_B = 2.86  # H alpha over H beta at 10^4 K and 100 cm^-3 (Osterbrock & Ferland 2006)
