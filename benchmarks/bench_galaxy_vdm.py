"""Maps drawn by `galaxy_vdm`: spectra, scatter, pixels and pictures on boxes that it never saw.

    python benchmarks/bench_galaxy_vdm.py [--maps 12] [--more] [--quick]

Maps of the test split of `dark_matter_galaxies/toy_tng_2d`, at equal distances in it, each with
eight draws; beside them the rivals of the release's table. With `--more`, how few and many steps of
a draw differ, and how many galaxies are drawn and true in boxes of `toy_tng_varied` that were not
trained on.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from zoo import load_model, splits
from zoo.evaluation.evaluate import inputs
from zoo.evaluation.fields import power_spectrum
from zoo.evaluation.galaxy_maps import BOX_SIZE, clustering, galaxy_map_errors, pixel_ratio
from zoo.models.galaxies import galaxy_vdm, vdm_training

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "galaxy_vdm.json"
FIGURES = ROOT / "docs" / "figures"
DATA = "dark_matter_galaxies/toy_tng_2d"
EDGES = np.geomspace(0.2, 16, 17)  # [h/Mpc] of the picture
STEPS = (16, 64)  # beside those of the release
FEW = 3  # maps for what is tried at several settings
CELLS = np.array([0, 1, 2, 3, 4, 5, 7, 10, 15, 25, 50]) - 0.5


def rows_of(data: dict[str, Any], count: int) -> dict[str, np.ndarray]:
    """Maps at equal distances in a split."""
    rows = np.linspace(0, len(data["box_size"]) - 1, count).round().astype(int)
    return {name: np.asarray(data[name])[rows] for name in data}


def steps(model: Any, data: dict[str, np.ndarray]) -> list[dict[str, float]]:
    """Numbers and spectra of four draws in few and in many steps."""
    out = []
    true = data["galaxy_map"].astype(float)
    for count in STEPS:
        begin = time.process_time()
        drawn = galaxy_vdm.draw(model.keras_model, inputs(model.card, data), 4, 7, count)
        spent = (time.process_time() - begin) / len(true) / 4
        found = clustering(true, drawn.astype(float))
        out.append(
            {
                "steps": count,
                "abundance": float(drawn.mean() / true.mean()),
                "ratio_worst": float(found["ratio"][np.argmax(np.abs(found["ratio"] - 1))]),
                "cpu_s_per_draw": spent,
            }
        )
    return out


def response(model: Any, boxes: dict[str, Any], count: int) -> dict[str, list[float]]:
    """Galaxies drawn for boxes with other parameters, over the true ones, box by box."""
    names = ("omega_m", "sigma_8", "a_sn1")
    data = vdm_training.slabs(boxes, names)
    per_box = len(data["omega_m"]) // len(boxes["box_size"])
    out: dict[str, list[float]] = {name: [] for name in (*names, "true", "drawn")}
    for box in range(len(boxes["box_size"])):
        rows = box * per_box + np.arange(count) * per_box // count
        given = {n: v[rows] for n, v in data.items() if n != "galaxy_map"}
        given["box_size"] = np.full(len(rows), BOX_SIZE)
        predicted = model.predict(given, outside="nan")
        for name in names:
            out[name].append(float(given[name][0]))
        out["true"].append(float(data["galaxy_map"][rows].sum()))
        out["drawn"].append(float(np.nansum(predicted["galaxy_map"])))
    return out


def rivals(model: Any, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Draws of the models that stand beside ours in the table."""
    train = splits.split(DATA, "train")
    given = inputs(model.card, data)
    return {
        label: np.asarray(model.like(other).predict(given)["galaxy_map_draws"], float)
        for label, other in galaxy_vdm.baselines(train).items()
    }


def maps_picture(data: dict[str, np.ndarray], draws: np.ndarray) -> None:
    """Dark matter, truth and three draws of two maps."""
    plt = _pyplot()
    figure, axes = plt.subplots(2, 5, figsize=(14, 5.8), layout="constrained")
    busy = np.argsort(data["galaxy_map"].sum(axis=(1, 2)))
    for row, which in zip(axes, (busy[-2], busy[len(busy) // 2]), strict=True):
        shown = {"dark matter": np.log10(1 + data["dm_map"][which])}
        shown |= {"true galaxies": data["galaxy_map"][which]}
        shown |= {f"draw {i + 1}": draws[which, i] for i in range(3)}
        for ax, (title, field) in zip(row, shown.items(), strict=True):
            extent = (0, BOX_SIZE, 0, BOX_SIZE)
            if title == "dark matter":
                ax.imshow(field.T, origin="lower", extent=extent, cmap="magma")
            else:
                ax.imshow(shown["dark matter"].T, origin="lower", extent=extent, cmap="Greys")
                x, y = np.nonzero(field)
                size = 6 * field[x, y]
                pixel = BOX_SIZE / len(field)
                ax.scatter((x + 0.5) * pixel, (y + 0.5) * pixel, s=size, c="tab:red", lw=0)
            number = "" if title == "dark matter" else f": {int(field.sum())}"
            ax.set_title(title + number, fontsize=9)
            ax.set(xlim=(0, BOX_SIZE), ylim=(0, BOX_SIZE), xticks=(), yticks=())
    figure.savefig(FIGURES / "galaxy_vdm_maps.png", dpi=90)
    plt.close(figure)


def statistics_picture(true: np.ndarray, draws: dict[str, np.ndarray]) -> None:
    """P(k), its ratio, r(k), coverage and the distribution of pixels."""
    plt = _pyplot()
    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    for label, drawn in draws.items():
        if not drawn.any():
            continue
        found = clustering(true, drawn, EDGES)
        color = None if label != "galaxy_vdm" else "tab:red"
        options = {"lw": 1.8 if color else 1, "color": color, "label": label}
        if label == "galaxy_vdm":
            power = found["power_true"].mean(axis=0)
            axes[0, 0].loglog(found["k"], power, "k:", label="truth")
            error = found["power_true"].std(axis=0) / np.sqrt(len(true)) / power
            axes[0, 1].fill_between(found["k"], 1 - error, 1 + error, color="0.85")
        axes[0, 0].loglog(found["k"], found["power"].mean(axis=(0, 1)), **options)
        axes[0, 1].semilogx(found["k"], found["ratio"], **options)
        axes[1, 0].semilogx(found["k"], found["correlation"], **options)
        share = np.histogram(drawn, CELLS)[0] / drawn.size
        middle = (CELLS[1:] + CELLS[:-1]) / 2
        axes[1, 1].semilogy(middle + 1, np.where(share > 0, share, np.nan), "o-", ms=3, **options)
        if label == "galaxy_vdm":
            axes[1, 0].semilogx(found["k"], found["coverage"], "r--", lw=1, label="coverage")
    axes[1, 0].axhspan(0.6, 0.76, color="0.9")
    axes[0, 1].axhspan(0.9, 1.1, color="tab:green", alpha=0.1)
    share = np.histogram(true, CELLS)[0] / true.size
    axes[1, 1].semilogy((CELLS[1:] + CELLS[:-1]) / 2 + 1, share, "k:", label="truth")
    axes[0, 0].set(xlabel="k [h/Mpc]", ylabel="P(k) [(Mpc/h)^2]")
    axes[0, 1].set(xlabel="k [h/Mpc]", ylabel="P(k) / truth", ylim=(0, 2.5))
    axes[1, 0].set(xlabel="k [h/Mpc]", ylabel="r(k) with the truth; coverage of 68 %")
    axes[1, 1].set(xlabel="1 + galaxies in a pixel", ylabel="share of pixels", xscale="log")
    for ax in axes.flat:
        ax.legend(fontsize=7)
    figure.savefig(FIGURES / "galaxy_vdm_statistics.png", dpi=90)
    plt.close(figure)


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    return plt


def main() -> None:
    """Draw, judge, write, picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=12)
    parser.add_argument("--quick", action="store_true", help="four maps; nothing is written")
    parser.add_argument("--more", action="store_true", help="steps of a draw, and parameters")
    options = parser.parse_args()
    count = 4 if options.quick else options.maps
    model = load_model("galaxy_vdm", strategy=None)
    data = rows_of(splits.split(DATA, "test"), count)
    begin = time.process_time()
    ours = np.asarray(model.predict(inputs(model.card, data))["galaxy_map_draws"], float)
    seconds = (time.process_time() - begin) / count
    true = data["galaxy_map"].astype(float)
    draws = {"galaxy_vdm": ours} | rivals(model, data)
    results: dict[str, Any] = {"maps": count, "cpu_s_per_map": seconds, "rows": {}}
    for label, drawn in draws.items():
        row = galaxy_map_errors(drawn.mean(axis=1), true, drawn)
        found = clustering(true, drawn)
        row |= {n: found[n].tolist() for n in ("k", "ratio", "coverage", "correlation")}
        row["pixels"] = pixel_ratio(true, drawn).tolist()
        results["rows"][label] = row
        print(label, *(f"{n}={v:.3f}" for n, v in row.items() if isinstance(v, float)))
        print("   P(k) ratio", np.round(row["ratio"], 2), "coverage", np.round(row["coverage"], 2))
    power = [power_spectrum(one, BOX_SIZE).power for one in true if one.any()]
    results["power_scatter"] = float(np.std(power, axis=0).mean() / np.mean(power))
    if options.more:
        results["steps"] = steps(model, rows_of(data, min(FEW, count)))
        print(results["steps"])
        varied = splits.split("dark_matter_galaxies/toy_tng_varied", "test")
        results["varied"] = response(model, varied, 1)
        print({n: np.round(v, 2).tolist() for n, v in results["varied"].items()})
    if not options.quick:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        maps_picture(data, ours)
        statistics_picture(true, draws)


if __name__ == "__main__":
    main()
