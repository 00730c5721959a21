"""Jeans Anisotropic Modelling with cylindrical alignment, exact and differentiable.

The second velocity moment of an axisymmetric galaxy whose light and mass are sums of Gaussians is
one quadrature (Cappellari 2008, eq. 28). Written in tau = u / sqrt(1 - e_j^2 u^2), with lengths in
units of the tracer's dispersion sigma_k and s = sigma_k / sigma_j, the integrand has one difference
and otherwise positive factors, so that single precision suffices:

    w = 1 / (1 + e_j^2 tau^2)    A = 1 + s^2 tau^2 w     S = 1/q_k^2 + s^2 tau^2
    E = A sin^2 i + S cos^2 i    b = 1 / (1 - beta_z)

    Sigma Vrms^2 = sum_kj 4 sqrt(2) pi^(3/2) G nu_0k rho_0j q_j sigma_k^3  int_0^(1/q_j) dtau
                   tau^2 w / (S sqrt(E)) [cos^2 i + b sin^2 i + (w S - b A) x^2 sin^2 i]
                   exp{-(A x^2 + A S y^2 / E) / 2}

Each (tracer k, mass j, node) is then a term (f0 + f1 x^2) exp(-x^2/2vx - y^2/2vy): separable in x
and y, and closed under convolution with a Gaussian PSF and integration over a square pixel.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

GRAVITY = 0.004301  # pc (km/s)^2 / Msun: the value of JAM, so that results compare digit by digit
PC_PER_ARCSEC_MPC = math.pi / 0.648


def quadrature(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1] for an even function.

    The positive half of a Gauss-Legendre rule on [-1, 1] wastes no nodes at the smooth end t = 0.
    """
    t, weight = np.polynomial.legendre.leggauss(2 * nodes)
    return t[nodes:], weight[nodes:]


class JamCyl(keras.layers.Layer):
    """Second moments of galaxies described by multi-Gaussian expansions.

    Parameters
    ----------
    nodes, nodes_black_hole : int, optional
        Quadrature nodes per pair of Gaussians. The defaults keep errors of the map below the
        rounding of the layer's dtype or 1e-4, whichever is larger (1e-8 in float64), down to an
        intrinsic axis ratio of 0.05.

    Notes
    -----
    `call` takes one dict of tensors (batch, ...): `surf_lum`, `sigma_lum`, `qobs_lum`, `beta`
    (batch, K); `surf_pot`, `sigma_pot`, `qobs_pot` (batch, J); `sigmapsf`, `normpsf` (batch, M);
    `inc` [deg], `mbh` [Msun], `rbh` [arcsec], `distance` [Mpc], `pixsize` [arcsec] (batch,); and
    positions `xbin`, `ybin` [arcsec] (batch, P). Gaussians and positions that are NaN are absent.
    It returns `vrms` [km/s] and `surface_brightness` [Lsun/pc^2], both (batch, P); impossible
    deprojections are NaN.
    """

    def __init__(self, nodes=None, nodes_black_hole=None, **kwargs):
        super().__init__(**kwargs)
        double = self.compute_dtype == "float64"
        self.nodes = nodes or (96 if double else 48)
        self.nodes_black_hole = nodes_black_hole or (128 if double else 64)

    def call(self, inputs):
        """`vrms` and `surface_brightness` at scattered positions (batch, P)."""
        x, y, present = self.positions(inputs["xbin"], inputs["ybin"])
        pixel = inputs["pixsize"][:, None, None]

        def add(total, terms):
            # One node of all pairs at a time bounds the memory: (batch, P, pairs).
            vx, vy, f0, f1 = (term[:, None, :] for term in terms)
            along_x = self.mean(x[..., None], vx, pixel, f0, f1)
            return total + ops.sum(along_x * self.mean(y[..., None], vy, pixel), axis=-1), None

        zero = ops.zeros_like(x * y)
        moment = zero
        nodes = (self.nodes, self.nodes_black_hole)
        for pair, count in zip(self.pairs(inputs), nodes, strict=True):
            t, dt = (ops.convert_to_tensor(v, self.compute_dtype) for v in quadrature(count))
            terms = self.terms(inputs, pair, t[:, None, None], dt[:, None, None])
            moment, _ = ops.scan(add, moment, terms)
        light, _ = add(zero, self.light(inputs))
        return self.answer(moment, light, present)

    def compute_output_spec(self, inputs):
        """Shapes and dtypes of `call` without running it."""
        x = inputs["xbin"]
        names = ("vrms", "surface_brightness")
        return {name: keras.KerasTensor(x.shape, dtype=self.compute_dtype) for name in names}

    def positions(self, x, y, outer=False):
        """Finite positions, and where they were present."""
        here_x, here_y = ~ops.isnan(x), ~ops.isnan(y)
        present = here_x[..., None] & here_y[:, None, :] if outer else here_x & here_y
        return ops.where(here_x, x, 0.0), ops.where(here_y, y, 0.0), present

    def answer(self, moment, light, present):
        """`vrms` and `surface_brightness` of summed terms; NaN where nothing was asked."""
        squared = moment / light
        # `where` and not `maximum`: an impossible deprojection stays NaN.
        vrms = ops.sqrt(ops.where(squared < 0, 0.0, squared))
        nan = float("nan")
        return {
            "vrms": ops.where(present, vrms, nan),
            "surface_brightness": ops.where(present, light, nan),
        }

    def light(self, inputs):
        """Terms of the surface brightness, convolved with the PSF: four (batch, K * M)."""
        surf, sigma, q = self.gaussians(inputs, "lum")
        vx = sigma**2
        return self._convolve(inputs, vx, (q * sigma) ** 2, surf, ops.zeros_like(surf))

    def pairs(self, inputs):
        """What does not depend on the quadrature node, for every pair of tracer and mass.

        Returns two dicts of tensors (batch, pairs): for the mass, and for the black hole.
        """
        surf, sigma, qobs = self.gaussians(inputs, "pot")
        mass = self._pairs(inputs, surf, sigma, qobs, 0.4)
        rbh = inputs["rbh"][:, None]
        rbh_pc = rbh * inputs["distance"][:, None] * PC_PER_ARCSEC_MPC
        surf = inputs["mbh"][:, None] / (2 * math.pi * rbh_pc**2)
        return mass, self._pairs(inputs, surf, rbh, ops.ones_like(rbh), 0.25)

    def _pairs(self, inputs, surf_pot, sigma_pot, qobs_pot, scale):
        cosi, sini = (f(inputs["inc"] * (math.pi / 180))[:, None, None] for f in (ops.cos, ops.sin))
        surf, sigma, qobs = (g[:, :, None] for g in self.gaussians(inputs, "lum"))
        surf_pot, sigma_pot, qobs_pot = (g[:, None, :] for g in (surf_pot, sigma_pot, qobs_pot))
        beta = inputs["beta"]
        # (q' - cos i)(q' + cos i) keeps the digits of flat galaxies that q'^2 - cos^2 i loses.
        q = ops.sqrt((qobs - cosi) * (qobs + cosi)) / sini
        q_pot = ops.sqrt((qobs_pot - cosi) * (qobs_pot + cosi)) / sini
        s = sigma / sigma_pot
        pc = inputs["distance"][:, None, None] * PC_PER_ARCSEC_MPC
        # nu_0k rho_0j q_j sigma_k^3, with nu_0 = surf q' / (sqrt(2 pi) sigma q)
        weight = (surf * qobs * sigma / q) * (surf_pot * qobs_pot * s) * pc
        # tau = tau_0 sinh(L t) resolves both ends of the integral, however different the widths.
        e2 = (1 - q_pot) * (1 + q_pot)
        tau_0 = scale / ops.sqrt(e2 + s**2 + 1e-12)
        out = {
            "weight": weight * (2 * math.sqrt(2 * math.pi) * GRAVITY),
            "s2": s**2,
            "e2": e2,
            "inverse_q2": 1 / q**2,
            "sigma2": sigma**2,
            "b": 1 / (1 - ops.where(ops.isnan(beta), 0.0, beta))[:, :, None],
            "tau_0": tau_0,
            "length": ops.arcsinh(1 / (q_pot * tau_0)),
        }
        batch, tracers, masses = ops.shape(weight)
        out = {
            name: ops.reshape(ops.broadcast_to(v, (batch, tracers, masses)), (batch, -1))
            for name, v in out.items()
        }
        return out | {"cos2": cosi[:, 0] ** 2, "sin2": sini[:, 0] ** 2}

    def terms(self, inputs, pair, t, dt):
        """Variances and amplitudes (vx, vy, f0, f1) of pairs (..., batch, n) at their nodes."""
        tau2 = (pair["tau_0"] * ops.sinh(pair["length"] * t)) ** 2
        dtau = pair["tau_0"] * ops.cosh(pair["length"] * t) * pair["length"] * dt
        w = 1 / (1 + pair["e2"] * tau2)
        s2t2 = pair["s2"] * tau2
        a = 1 + s2t2 * w
        big_s = pair["inverse_q2"] + s2t2
        e = a * pair["sin2"] + big_s * pair["cos2"]
        f = pair["weight"] * dtau * tau2 * w / (big_s * ops.sqrt(e))
        f0 = f * (pair["cos2"] + pair["b"] * pair["sin2"])
        f1 = f * (w * big_s - pair["b"] * a) * pair["sin2"] / pair["sigma2"]
        vx = pair["sigma2"] / a
        return self._convolve(inputs, vx, vx * e / big_s, f0, f1)

    def _convolve(self, inputs, vx, vy, f0, f1):
        """Convolve each term (..., batch, T) with each Gaussian of the PSF: (..., batch, T * M)."""
        sigma, norm = inputs["sigmapsf"], inputs["normpsf"]
        absent = ops.isnan(sigma) | ops.isnan(norm)
        norm = ops.where(absent, 0.0, norm)[:, None, :]
        s2 = (ops.where(absent, 0.0, sigma) ** 2)[:, None, :]
        vx, vy, f0, f1 = (term[..., None] for term in (vx, vy, f0, f1))
        ratio = vx / (vx + s2)
        peak = norm * ops.sqrt(ratio * vy / (vy + s2))
        f0, f1 = peak * (f0 + f1 * s2 * ratio), peak * f1 * ratio**2
        out = (vx + s2, vy + s2, f0, f1)
        *lead, terms, psf = ops.shape(f0)
        return [ops.reshape(ops.broadcast_to(t, ops.shape(f0)), (*lead, terms * psf)) for t in out]

    def gaussians(self, inputs, which):
        """Surface density, dispersion and axis ratio (batch, n); absent Gaussians hold nothing."""
        surf, sigma, q = (inputs[f"{name}_{which}"] for name in ("surf", "sigma", "qobs"))
        absent = ops.isnan(surf) | ops.isnan(sigma) | ops.isnan(q)
        return tuple(
            ops.where(absent, fill, v) for v, fill in ((surf, 0.0), (sigma, 1.0), (q, 1.0))
        )

    def mean(self, x, variance, pixel, f0=None, f1=None):
        """Mean of (f0 + f1 x^2) exp(-x^2/2v) over a pixel centred on x; of the Gaussian alone."""

        def at_centre():
            x2 = x**2
            gaussian = ops.exp(x2 * (-0.5 / variance))
            return gaussian if f0 is None else (f0 + f1 * x2) * gaussian

        def over_pixel():
            # Differences of error functions cancel where the Gaussian is wider than the pixel,
            # so they are taken in double precision.
            z, v, h = (ops.cast(arg, "float64") for arg in (x, variance, pixel / 2))
            extended = h > 0
            h = ops.where(extended, h, 1.0)
            low, high = z - h, z + h
            width = ops.sqrt(2 * v)
            mean = ops.erf(high / width) - ops.erf(low / width)
            mean = mean * width * (math.sqrt(math.pi) / 4) / h
            if f0 is not None:
                edges = high * ops.exp(-(high**2) / (2 * v)) - low * ops.exp(-(low**2) / (2 * v))
                second = v * (mean - edges / (2 * h))
                mean = ops.cast(f0, "float64") * mean + ops.cast(f1, "float64") * second
            return ops.where(extended, ops.cast(mean, self.compute_dtype), at_centre())

        return ops.cond(ops.any(pixel > 0), over_pixel, at_centre)
