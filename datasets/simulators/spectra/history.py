"""Star-formation histories, integrated in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class History:
    """A delayed exponential, SFR ~ t exp(-t / tau), which may be quenched or burst at the end.

    Attributes
    ----------
    age : float
        Time since the first stars [Gyr].
    tau : float
        Time scale [Gyr].
    quench_time, quench_tau : float
        When quenching began, before the observation, and the e-folding time of the decline since
        then [Gyr]; a time of 0 means never.
    burst_mass, burst_time : float
        Mass of a burst over that of all other stars, and how long it has gone on, at a constant
        rate [Gyr].
    """

    age: float
    tau: float
    quench_time: float = 0.0
    quench_tau: float = 0.1
    burst_mass: float = 0.0
    burst_time: float = 0.1

    def formed(self, lookback: np.ndarray) -> np.ndarray:
        """Mass formed before a lookback time [Gyr], over all that was ever formed."""
        lookback = np.asarray(lookback, float)
        total = self._smooth(np.array(0.0)) * (1 + self.burst_mass)
        burst = np.clip(1 - lookback / self.burst_time, 0, 1) * self.burst_mass
        return (self._smooth(lookback) + burst * self._smooth(np.array(0.0))) / total

    def _smooth(self, lookback: np.ndarray) -> np.ndarray:
        time = np.clip(self.age - lookback, 0, None) / self.tau
        stop = (self.age - self.quench_time) / self.tau
        before = np.minimum(time, stop)
        mass = 1 - (1 + before) * np.exp(-before)
        after = np.maximum(time - stop, 0) * self.tau / self.quench_tau
        rate = stop * np.exp(-stop) * self.quench_tau / self.tau
        return mass + rate * -np.expm1(-after)

    def weights(self, log_age: np.ndarray) -> np.ndarray:
        """Share of the mass in each of the populations of these ages [log10 yr]; their sum is 1.

        A population stands for the ages nearest to its own in the logarithm.
        """
        middle = 10 ** ((log_age[1:] + log_age[:-1]) / 2 - 9)
        edges = np.concatenate([[0], middle, [np.inf]])
        return -np.diff(self.formed(np.minimum(edges, self.age)))

    def rate(self, period: float = 0.1) -> float:
        """Mean star-formation rate over the last `period` [Gyr], per mass ever formed [1/yr]."""
        return float((1 - self.formed(np.array(period))) / (period * 1e9))
