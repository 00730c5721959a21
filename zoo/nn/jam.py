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
    deprojections are NaN. `grid` does the same on the product of two axes.
    """

    def __init__(self, nodes=None, nodes_black_hole=None, **kwargs):
        super().__init__(**kwargs)
        double = self.compute_dtype == "float64"
        self.nodes = nodes or (72 if double else 32)
        self.nodes_black_hole = nodes_black_hole or (112 if double else 56)

    def call(self, inputs):
        """`vrms` and `surface_brightness` at scattered positions (batch, P)."""
        x, y, present = self._positions(inputs["xbin"], inputs["ybin"])
        pixel = inputs["pixsize"][:, None, None]

        def add(total, terms):
            # One node of all pairs at a time bounds the memory: (batch, P, pairs).
            vx, vy, f0, f1 = (term[:, None, :] for term in terms)
            mx, mx2 = self._means(x[..., None], vx, pixel)
            my, _ = self._means(y[..., None], vy, pixel)
            return total + ops.sum((f0 * mx + f1 * mx2) * my, axis=-1), None

        zero = ops.zeros_like(x * y)
        moment = zero
        for terms in self._blocks(inputs):
            moment, _ = ops.scan(add, moment, terms)
        light, _ = add(zero, self._light(inputs))
        return self._answer(moment, light, present)

    def grid(self, inputs):
        """Like `call`, at all pairs of `x_grid` (batch, X) and `y_grid` (batch, Y).

        Returns (batch, X, Y) at the cost of X + Y positions and one matrix product.
        """
        pixel = inputs["pixsize"][:, None, None]
        x, y, present = self._positions(inputs["x_grid"], inputs["y_grid"], outer=True)

        def total(terms):
            vx, vy, f0, f1 = (term[:, None, :] for term in terms)
            mx, mx2 = self._means(x[..., None], vx, pixel)
            my, _ = self._means(y[..., None], vy, pixel)
            return ops.matmul(f0 * mx + f1 * mx2, ops.transpose(my, (0, 2, 1)))

        def flat(term):  # (nodes, batch, pairs) -> (batch, nodes * pairs)
            nodes, batch, pairs = ops.shape(term)
            return ops.reshape(ops.transpose(term, (1, 0, 2)), (batch, nodes * pairs))

        blocks = [[flat(term) for term in terms] for terms in self._blocks(inputs)]
        terms = [ops.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)]
        return self._answer(total(terms), total(self._light(inputs)), present)

    def compute_output_spec(self, inputs):
        """Shapes and dtypes of `call` without running it."""
        x = inputs["xbin"]
        names = ("vrms", "surface_brightness")
        return {name: keras.KerasTensor(x.shape, dtype=self.compute_dtype) for name in names}

    def _positions(self, x, y, outer=False):
        """Finite positions, and where they were present."""
        here_x, here_y = ~ops.isnan(x), ~ops.isnan(y)
        present = here_x[..., None] & here_y[:, None, :] if outer else here_x & here_y
        return ops.where(here_x, x, 0.0), ops.where(here_y, y, 0.0), present

    def _answer(self, moment, light, present):
        squared = moment / light
        # `where` and not `maximum`: an impossible deprojection stays NaN.
        vrms = ops.sqrt(ops.where(squared < 0, 0.0, squared))
        nan = float("nan")
        return {
            "vrms": ops.where(present, vrms, nan),
            "surface_brightness": ops.where(present, light, nan),
        }

    def _light(self, inputs):
        """Terms of the surface brightness, convolved with the PSF: four (batch, K * M)."""
        surf, sigma, q = self._gaussians(inputs, "lum")
        vx = sigma**2
        return self._convolve(inputs, vx, (q * sigma) ** 2, surf, ops.zeros_like(surf))

    def _blocks(self, inputs):
        """Terms of Sigma Vrms^2: for the mass, then for the black hole.

        Each is a list (vx, vy, f0, f1) of tensors (nodes, batch, pairs).
        """
        surf, sigma, qobs = self._gaussians(inputs, "pot")
        mass = self._terms(inputs, surf, sigma, qobs, self.nodes, 0.4)
        rbh = inputs["rbh"][:, None]
        rbh_pc = rbh * inputs["distance"][:, None] * PC_PER_ARCSEC_MPC
        surf = inputs["mbh"][:, None] / (2 * math.pi * rbh_pc**2)
        hole = self._terms(inputs, surf, rbh, ops.ones_like(rbh), self.nodes_black_hole, 0.25)
        return [mass, hole]

    def _terms(self, inputs, surf_pot, sigma_pot, qobs_pot, nodes, scale):
        angle = inputs["inc"] * (math.pi / 180)
        cosi, sini = (f(angle)[:, None, None] for f in (ops.cos, ops.sin))
        surf, sigma, qobs = (g[:, :, None] for g in self._gaussians(inputs, "lum"))
        surf_pot, sigma_pot, qobs_pot = (g[:, None, :] for g in (surf_pot, sigma_pot, qobs_pot))
        beta = inputs["beta"]
        b = 1 / (1 - ops.where(ops.isnan(beta), 0.0, beta))[:, :, None]
        # (q' - cos i)(q' + cos i) keeps the digits of flat galaxies that q'^2 - cos^2 i loses.
        q = ops.sqrt((qobs - cosi) * (qobs + cosi)) / sini
        q_pot = ops.sqrt((qobs_pot - cosi) * (qobs_pot + cosi)) / sini

        s = sigma / sigma_pot
        pc = inputs["distance"][:, None, None] * PC_PER_ARCSEC_MPC
        # nu_0k rho_0j q_j sigma_k^3, with nu_0 = surf q' / (sqrt(2 pi) sigma q)
        weight = (surf * qobs * sigma / q) * (surf_pot * qobs_pot * s) * pc
        weight = weight * (2 * math.sqrt(2 * math.pi) * GRAVITY)

        # tau = tau_0 sinh(L t) resolves both ends of the integral, however different the widths.
        e2 = (1 - q_pot) * (1 + q_pot)
        tau_0 = scale / ops.sqrt(e2 + s**2 + 1e-12)
        length = ops.arcsinh(1 / (q_pot * tau_0))
        t, dt = (ops.convert_to_tensor(v, self.compute_dtype) for v in quadrature(nodes))
        t, dt = t[:, None, None, None], dt[:, None, None, None]
        tau = tau_0 * ops.sinh(length * t)
        dtau = tau_0 * ops.cosh(length * t) * length * dt

        w = 1 / (1 + e2 * tau**2)
        s2t2 = (s * tau) ** 2
        a = 1 + s2t2 * w
        big_s = 1 / q**2 + s2t2
        e = a * sini**2 + big_s * cosi**2
        f = weight * dtau * tau**2 * w / (big_s * ops.sqrt(e))
        f0 = f * (cosi**2 + b * sini**2)
        f1 = f * (w * big_s - b * a) * (sini / sigma) ** 2
        vx = sigma**2 / a
        vy = vx * e / big_s

        def pairs(term):  # (nodes, batch, K, J) -> (nodes, batch, K * J)
            shape = ops.shape(vx * f)
            term = ops.broadcast_to(term, shape)
            return ops.reshape(term, (nodes, shape[1], shape[2] * shape[3]))

        return self._convolve(inputs, *(pairs(term) for term in (vx, vy, f0, f1)))

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

    def _gaussians(self, inputs, which):
        """Surface density, dispersion and axis ratio (batch, n); absent Gaussians hold nothing."""
        surf, sigma, q = (inputs[f"{name}_{which}"] for name in ("surf", "sigma", "qobs"))
        absent = ops.isnan(surf) | ops.isnan(sigma) | ops.isnan(q)
        return tuple(ops.where(absent, fill, v) for v, fill in ((surf, 0.0), (sigma, 1.0), (q, 1.0)))

    def _means(self, x, variance, pixel):
        """Means of exp(-x^2/2v) and x^2 exp(-x^2/2v) over a pixel centred on x."""

        def at_centre():
            e = ops.exp(-(x**2) / (2 * variance))
            return e, x**2 * e

        def over_pixel():
            # Differences of error functions cancel where the Gaussian is wider than the pixel,
            # so they are taken in double precision.
            z, v, h = (ops.cast(arg, "float64") for arg in (x, variance, pixel / 2))
            wide = h > 0
            h = ops.where(wide, h, 1.0)
            low, high = z - h, z + h
            width = ops.sqrt(2 * v)
            mean = ops.erf(high / width) - ops.erf(low / width)
            mean = mean * width * (math.sqrt(math.pi) / 4) / h
            edges = high * ops.exp(-(high**2) / (2 * v)) - low * ops.exp(-(low**2) / (2 * v))
            second = v * (mean - edges / (2 * h))
            mean, second = (ops.cast(m, self.compute_dtype) for m in (mean, second))
            point, point2 = at_centre()
            wide = ops.cast(wide, "bool")
            return ops.where(wide, mean, point), ops.where(wide, second, point2)

        return ops.cond(ops.any(pixel > 0), over_pixel, at_centre)
