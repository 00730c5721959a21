"""Redshift, stellar mass and star-formation rate: the template scan with a learned prior."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.optimize import minimize, minimize_scalar

from zoo.models.spectra import example as examples
from zoo.models.spectra import sanity, scan_examples, template_scan
from zoo.models.spectra.scan_examples import TARGETS
from zoo.nn.candidates import Candidates
from zoo.nn.coefficient_prior import CoefficientPrior, CorrectedLikelihood
from zoo.nn.log_rebin import LogRebin
from zoo.nn.mixture_posterior import MixturePosterior
from zoo.nn.redshift_posterior import NEAR, RedshiftPosterior
from zoo.nn.template_scan import TemplateScan

example = examples.galaxy
check = sanity.check

DRAWS = 1  # realisations of the noise of each galaxy


def build(
    dtype="float32",
    start=6470.0,
    stop=18000.0,
    bins=4096,
    redshift=(0.6, 3.0),
    width=0.003,
    templates=10,
    nuisances=36,
    agreement=0.2,
    candidates=16,
    hidden=128,
    state=24,
):
    """Build the network; see `template_scan.build` for the scan.

    Parameters
    ----------
    candidates : int
        Redshifts whose posterior mass is corrected one by one.
    hidden, state : int
        Width of the network, and length of its summary of the galaxy (`embedding`).
    """
    rebin = LogRebin(start, stop, bins, name="rebin", dtype=dtype)
    scan = TemplateScan(
        bins,
        rebin.step,
        tuple(redshift),
        templates=templates,
        nuisances=nuisances,
        agreement=agreement,
        peaks=candidates,
        name="scan",
        dtype=dtype,
    )
    z = scan.grid.redshift
    few = Candidates(z, candidates, scan.reach, name="candidates", dtype=dtype)
    inputs = {n: keras.Input((None,), dtype=dtype, name=n) for n in template_scan.INPUTS}
    found = scan(rebin(inputs))
    about = few(found)
    prior = CoefficientPrior(about["features"].shape[-1], hidden, state, name="prior", dtype=dtype)
    given = {n: about[n] for n in ("features", "log_mass")}
    learned = prior(given | {"log_amplitude": ops.log(found["amplitude"])})
    corrected = CorrectedLikelihood(name="corrected", dtype=dtype)(
        {
            "log_likelihood": found["log_likelihood"],
            "log_mass": about["log_mass"],
            "owner": about["owner"],
            "correction": learned["correction"],
        }
    )
    count = round((redshift[1] - redshift[0]) / width)
    posterior = RedshiftPosterior(z, redshift[0], width, count, name="posterior", dtype=dtype)
    outputs = posterior(corrected)
    outputs["quality"] = Quality(name="quality", dtype=dtype)(outputs.pop("confidence"))
    for name in TARGETS:
        head = MixturePosterior(state, name=name, dtype=dtype)
        mean, deviation, quantiles = head(learned["state"])
        outputs |= {name: mean, f"{name}_std": deviation, f"{name}_quantiles": quantiles}
    outputs["embedding"] = learned["state"]
    return keras.Model(inputs, outputs, name="redshift_scan")


class Quality(keras.layers.Layer):
    """Probability (batch,) that the redshift is right, from the posterior around it."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        start = keras.initializers.Constant([1.0, 0.0])
        self.line = self.add_weight(shape=(2,), initializer=start, trainable=False, name="line")
        self.built = True

    def call(self, confidence):
        """A straight line in the log-odds; the identity until it is fitted."""
        p = ops.clip(confidence, 1e-6, 1 - 1e-6)
        return ops.sigmoid(self.line[0] * ops.log(p / (1 - p)) + self.line[1])


class Student(keras.Model):
    """Log-probability (batch,) of the truth, from candidates that are computed once."""

    def __init__(self, model, **kwargs) -> None:
        super().__init__(**kwargs)
        self.prior = model.get_layer("prior")
        self.heads = {name: model.get_layer(name) for name in TARGETS}
        self.mass_head, self.rate_head = (self.heads[name] for name in TARGETS)
        self.zoo_loss = lambda _, log_prob: -log_prob
        self.built = True

    def call(self, inputs):
        """Of the candidate that the true redshift belongs to, of the mass and of the rate."""
        inputs = {
            n: tf.cast(v, tf.int32 if n == "owner" else tf.float32) for n, v in inputs.items()
        }
        learned = self.prior(inputs)
        log_p = ops.log_softmax(inputs["log_mass"] + learned["correction"], axis=-1)
        found = ops.take_along_axis(log_p, inputs["owner"][:, None], axis=-1)[:, 0]
        for name, head in self.heads.items():
            found = found + head.log_prob(inputs[name], learned["state"])
        return found


def adapt(model, data):
    """Set the scan: templates, noise curve, sky columns."""
    template_scan.learn(model, data, {})


def lesson(model, data, validation):
    """Learn prior and heads from what the scan finds in noisy spectra, some of them spoiled."""
    dataset = template_scan.source(data)
    parts = [scan_examples.examples(model, dataset, data, 1 + d, spoil=True) for d in range(DRAWS)]
    train = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    model.get_layer("prior").standardize.adapt(train["features"].astype(np.float32))
    for name in TARGETS:
        model.get_layer(name).target.adapt(train[name][:, None])
    judges = scan_examples.examples(model, dataset, validation)
    student = Student(model, name="student")
    return student, (train, train["redshift"]), (judges, judges["redshift"])


def calibrate(model, calibration):
    """Set the sharpness of the masses, the ranks of the heads and the line of `quality`."""
    dataset = template_scan.source(calibration)
    given = scan_examples.examples(model, dataset, calibration)
    student = Student(model, name="student")
    inputs = {n: tf.constant(np.asarray(v, np.float32)) for n, v in given.items()}
    learned = student.prior(inputs)
    logits = np.asarray(inputs["log_mass"] + learned["correction"], float)
    rows = np.arange(len(logits))

    def loss(sharpness):
        scaled = sharpness * logits
        top = scaled.max(axis=1)
        log_sum = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return np.mean(log_sum - scaled[rows, given["owner"]])

    best = minimize_scalar(loss, bounds=(0.3, 2.0), method="bounded").x
    model.get_layer("corrected").sharpness.assign(best)
    for name in TARGETS:
        head = model.get_layer(name)
        head.recalibration.adapt(head.base(inputs[name], learned["state"]))
    _fit_quality(model, calibration)


def _fit_quality(model, calibration):
    confidence, right = [], []
    line = model.get_layer("quality").line
    line.assign([1.0, 0.0])
    answer = tf.function(model, reduce_retracing=True)
    dataset = template_scan.source(calibration)
    for rows, given in scan_examples.observed(dataset, calibration, 0, spoil=False):
        wave = np.broadcast_to(given["wavelength"], given["flux"].shape)
        columns = {"flux": given["flux"], "ivar": given["ivar"], "wavelength": wave}
        found = answer({n: tf.constant(v, tf.float32) for n, v in columns.items()})
        confidence.append(np.asarray(found["quality"], float))
        right.append(np.abs(np.asarray(found["redshift"]) - calibration["redshift"][rows]) < NEAR)
    p = np.clip(np.concatenate(confidence), 1e-6, 1 - 1e-6)
    odds, sign = np.log(p / (1 - p)), np.where(np.concatenate(right), 1, -1)

    def loss(values):
        return np.mean(np.logaddexp(0, -sign * (values[0] * odds + values[1])))

    line.assign(minimize(loss, [1.0, 0.0], method="Nelder-Mead").x)


def baselines(data):
    """What stands beside it: the scan without anything learned, and, for MOONS, M-TOPnet."""
    if template_scan.source(data).startswith("desi"):
        return {"template scan": "template_scan.desi"}
    return {"template scan": "template_scan.moons", "M-TOPnet": "mtopnet"}
