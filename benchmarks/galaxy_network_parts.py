"""Cross prediction, responses and ablations of `bench_galaxy_networks.py`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

import zoo
from zoo import splits
from zoo.evaluation import fields, voxels
from zoo.evaluation.galaxy_boxes import galaxy_box_errors
from zoo.models.galaxies import drawing, intensity
from zoo.models.galaxies.voxel_draws import VoxelDraws
from zoo.nn.voxel_pyramid import VoxelPyramid
from zoo.training import loop
from zoo_datasets import building, chunks
from zoo_datasets.simulators.nbody import record

DATASET = "dark_matter_galaxies"
BANDS = {"1": (0.8, 1.25), "5": (4.0, 6.25)}  # [h/Mpc] of the responses
DRAWS = 4  # of each box, by the model and by the toy
PARAMETERS = ("omega_m", "sigma_8", "a_sn1")
FINE_TUNE = {"epochs": 4, "learning_rate": 1e-3}


def cross(boxes: int, train: int) -> dict[str, Any]:
    """`galaxy_intensity.tng` on `toy_simba_all`, as it is and continued on a few boxes."""
    other = f"{DATASET}/toy_simba_all"
    test = splits.rows(splits.split(other, "test"), slice(boxes))
    model = zoo.load_model("galaxy_intensity.tng")
    found = {"boxes": len(test["box_size"]), "before": _judged(model, test)}
    print("before", found["before"], flush=True)
    data = splits.rows(splits.split(other, "train"), slice(train))
    validation = splits.split(other, "validation")
    settings = loop.recipe(model.card, **FINE_TUNE)
    trained = loop.train(model.card, data, validation, settings, start=model.keras_model)
    found["after"] = _judged(model.like(trained.model), test)
    found["train_boxes"], found["fine_tune"] = len(data["box_size"]), trained.facts
    print("after", found["after"], trained.facts, flush=True)
    return found


def _judged(model: Any, test: dict[str, Any]) -> dict[str, float]:
    answers = []
    for row in range(len(test["box_size"])):
        inputs = {key: np.asarray(test[key][row]) for key in model.card.inputs}
        answers.append(dict(model.predict(inputs, outside="warn")))
    whole = {key: np.stack([a[key] for a in answers]) for key in answers[0]}
    return galaxy_box_errors(
        whole["galaxy_count"], np.asarray(test["galaxy_count"]),
        whole["galaxy_probability"], whole["galaxy_central"],
    )  # fmt: skip


def responses(suite: str) -> dict[str, Any]:
    """Elasticities of the number of galaxies and of P(k) over held-out boxes, model and toy.

    Each is the slope of a linear fit of the logarithm, averaged over draws, to the logarithms of
    the three parameters; both see the same matter. `a_sn1_alone` changes A_SN1 in each box by 20 %
    up and down.
    """
    model = zoo.load_model("galaxy_intensity_varied")
    code = float(suite == "toy_simba")
    task = _task(f"{DATASET}/{suite}_varied", "test")
    rows: dict[str, list[Any]] = {"theta": [], "model": [], "toy": [], "alone": []}
    for index, run in chunks.read(task):
        told = {name: float(run[name]) for name in PARAMETERS}
        box = {"dm_counts": np.asarray(run["dm_counts"], float), "box_size": 25.0}
        rows["theta"].append([np.log(told[name]) for name in PARAMETERS])
        ours = {
            change: model.predict(box | told | {"suite": code, "a_sn1": told["a_sn1"] * change})
            for change in (1 / 1.2, 1.0, 1.2)
        }
        rng = np.random.default_rng((3, index))
        counts = [drawing.numbers(ours[1.0], rng) for _ in range(DRAWS)]
        rows["model"].append(_summary(counts))
        toys = {
            change: [
                record.painted(
                    run | {"a_sn1": np.float32(told["a_sn1"] * change)}, suite, False, rng
                )["galaxy_count"]
                for _ in range(DRAWS)
            ]
            for change in ours
        }
        rows["toy"].append(_summary(toys[1.0]))
        up, down = (
            [np.log(np.sum(ours[c]["galaxy_count"])), np.log(np.sum(toys[c]) / DRAWS)]
            for c in (1.2, 1 / 1.2)
        )
        rows["alone"].append((np.array(up) - down) / (2 * np.log(1.2)))
    theta = np.array(rows["theta"])
    design = np.column_stack([np.ones(len(theta)), theta])
    one: dict[str, Any] = {"boxes": len(theta)}
    for who in ("model", "toy"):
        slopes = np.linalg.lstsq(design, np.array(rows[who]), rcond=None)[0][1:]
        names = ("number", *(f"power_{band}" for band in BANDS))
        one[who] = {
            quantity: dict(zip(PARAMETERS, slopes[:, i].tolist(), strict=True))
            for i, quantity in enumerate(names)
        }
    difference = np.array(rows["model"]) - np.array(rows["toy"])
    one["ln_model_over_toy"] = [difference.mean(0).tolist(), difference.std(0).tolist()]
    alone = np.mean(rows["alone"], axis=0)
    one["a_sn1_alone"] = {"model": float(alone[0]), "toy": float(alone[1])}
    print(suite, one, flush=True)
    return one


def _task(dataset: str, split: str) -> chunks.Task:
    return next(t for t in building.builder(dataset).tasks() if t.split == split)


def _summary(counts: list[np.ndarray]) -> list[float]:
    """Means over draws of ln N and of ln P(k) in bands."""
    rows = []
    for count in counts:
        spectrum = fields.power_spectrum(count, 25.0)
        bands = []
        for low, high in BANDS.values():
            inside = (spectrum.k > low) & (spectrum.k < high)
            bands.append(np.log(np.average(spectrum.power[inside], weights=spectrum.modes[inside])))
        rows.append([np.log(count.sum()), *bands])
    return np.mean(rows, axis=0).tolist()


def ablation(steps: int) -> dict[str, Any]:
    """The same short training on `toy_tng` with what an option adds or takes away."""
    train, validation, test = (
        splits.split(f"{DATASET}/toy_tng", name) for name in ("train", "validation", "test")
    )
    cases: dict[str, dict[str, Any]] = {
        "as released": {},
        "with velocities": {"extras": velocities},
        "weighted by haloes": {"importance": True},
        "Poisson alone": {"poisson": True},
    }
    found = {}
    for label, case in cases.items():
        found[label] = _ablated(steps, train, validation, test, **case)
        print(label, found[label], flush=True)
    return found


def _ablated(
    steps: int, train: Any, validation: Any, test: Any, extras: Any = None,
    importance: bool = False, poisson: bool = False,
) -> dict[str, float]:  # fmt: skip
    keras.utils.set_random_seed(1)
    core = VoxelPyramid(3, 64, (48, 48), 2, extras=0 if extras is None else FEATURES, name="core")
    core.build((None, None, None, None, 1))
    sets = [_boxes(split, importance and split is train) for split in (train, validation, test)]
    data = VoxelDraws(sets[0][:10], 3, steps, seed=1, extras=extras)
    check = VoxelDraws(sets[1], 3, 24, extras=extras)
    data.batch_size = check.batch_size = 4096
    start = np.log(data.mean_count / 2)
    core.out.bias.assign([-30.0 if poisson else start, start])
    student = intensity.student_of(core)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, steps)

    def loss(count: Any, found: Any) -> Any:
        if poisson:
            found = keras.ops.stack([0 * found[:, 0] - 30, found[:, 1]], axis=1)
        return intensity.loss(count, found)

    student.compile(keras.optimizers.Adam(schedule), loss=loss)
    student.fit(data, epochs=1, verbose=0)
    score, true = _scored(core, sets[2], extras)
    return {
        "validation_loss": float(student.evaluate(check, verbose=0)),
        "average_precision": float(
            np.mean([voxels.average_precision(s, t) for s, t in zip(score, true, strict=True)])
        ),
    }


FEATURES = 3


def velocities(box: dict[str, Any]) -> np.ndarray:
    """Logarithms of the velocity dispersion around voxels at two scales, and of its convergence."""
    mass = np.asarray(box["dm_counts"], np.float32)
    v = np.asarray(box["dm_velocity"], np.float32)
    columns = []
    for scale in (1.0, 2.0):
        total = gaussian_filter(mass, scale, mode="wrap") + 1e-3
        square = sum(gaussian_filter(mass * v[..., d] ** 2, scale, mode="wrap") for d in range(3))
        mean = [gaussian_filter(mass * v[..., d], scale, mode="wrap") / total for d in range(3)]
        variance = np.maximum(square / total - sum(m**2 for m in mean), 0)
        columns.append(np.log1p(np.sqrt(variance) / 20) - 1)
    inflow = -sum(np.gradient(m, axis=d) for d, m in enumerate(mean))
    columns.append(np.arcsinh(inflow / 20))
    return np.stack(columns, axis=-1).astype(np.float32)


def _boxes(split: Any, importance: bool) -> list[dict[str, Any]]:
    boxes = []
    for row in range(len(split["box_size"])):
        box = {key: split[key][row] for key in ("dm_counts", "galaxy_count", "dm_velocity")}
        box |= {"factor": 1.0, "parameters": []}
        if importance:
            box["importance"] = _halo_weight(split, row)
        boxes.append(box)
    return boxes


def _halo_weight(split: Any, row: int) -> np.ndarray:
    """1 outside of haloes, rising with the mass of the halo to 1 + log10(M / 10^11) inside."""
    n = len(split["dm_counts"][row])
    scale = n / float(split["box_size"][row])
    out = np.ones((n, n, n), np.float32)
    mass, centre, radius = (
        np.asarray(split[f"halo_{key}"][row], float) for key in ("mass", "position", "radius")
    )
    for m, c, r in zip(mass, centre * scale, radius * scale, strict=True):
        if m < 1e11:
            continue
        reach = int(np.ceil(r))
        axes = [np.arange(int(x) - reach, int(x) + reach + 1) for x in c]
        away = sum(
            (a.reshape([-1 if d == e else 1 for e in range(3)]) + 0.5 - c[d]) ** 2
            for d, a in enumerate(axes)
        )
        place = np.ix_(*(a % n for a in axes))
        value = np.where(away < r**2, 1 + np.log10(m / 1e11), 1)
        out[place] = np.maximum(out[place], value)
    return out


def _scored(core: Any, boxes: Any, extras: Any) -> tuple[list[Any], list[Any]]:
    """Expected numbers and true ones, in the dense voxels of test boxes (others score nothing)."""
    scores, truths = [], []
    student = intensity.student_of(core)
    for box in boxes:
        dense = VoxelDraws([box], core.levels, 1, extras=extras)
        counts = gaussian_filter(np.asarray(box["dm_counts"], np.float32), 1, mode="wrap")
        galaxies = np.asarray(box["galaxy_count"])
        rows = np.flatnonzero((counts.ravel() > 3) | (galaxies.ravel() > 0))
        score = np.zeros(counts.size)
        for part in np.array_split(rows, len(rows) // 8192 + 1):
            inputs, _ = dense.at(np.zeros(len(part), int), part)
            found = np.asarray(student(inputs))
            score[part] = 1 / (1 + np.exp(-found[:, 0])) + np.exp(np.minimum(found[:, 1], 6))
        scores.append(score.reshape(galaxies.shape))
        truths.append(galaxies)
    return scores, truths
