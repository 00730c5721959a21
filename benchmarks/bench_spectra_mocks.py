"""Measure the spectra mocks against the numbers they were to meet, and freeze them with a hash.

    python benchmarks/bench_spectra_mocks.py [--quick]

Writes `benchmarks/results/spectra_mocks.json`, the table of `docs/spectra_mocks.md` and its
figures. `--quick` prints the table of a tenth of the test galaxies and writes nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from zoo_datasets import chunks
from zoo_datasets.moons_spectra.observe import observe
from zoo_datasets.simulators.spectra import (
    cloudy,
    grids,
    instrument,
    nebula,
    record,
    sky_residual,
)

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "spectra_mocks.json"
PAGE = ROOT / "docs" / "spectra_mocks.md"
FIGURES = ROOT / "docs" / "figures"
ARMS = ("RI", "YJ", "H")
TEST = 6000
FIRST = 8  # galaxies whose numbers stand in the results, for the test that they stay
PROTOTYPE = {  # an independent prototype of the same mock; shares follow from its tables by parts
    "signal_to_noise_2h": (0.78, 0.82, 0.48),
    "signal_to_noise_8h": (1.57, 1.63, 0.96),
    "line_limit_2h": (0.90, 0.48, 0.45),
    "passive": 0.20,
    "halpha_above_1": 0.63,
}
TYPICAL_GAS = (-2.7, 6.6, 8.6)
GAS = "log U = -2.7, log P/k = 6.6, 12 + log O/H = 8.6"
STRONG = ("OII3729", "NeIII3869", "OIII5007", "NII6583", "SII6716", "SIII9531")
LABELS = {
    "signal_to_noise_2h": "S/N per pixel of flat AB = 24, 2 h, median of {}",
    "signal_to_noise_8h": "S/N per pixel of flat AB = 24, 8 h, median of {}",
    "line_limit_2h": "5-sigma line flux, FWHM 200 km/s, 2 h, median of {} [1e-17 erg/s/cm2]",
}


def sensitivity(hours: float) -> dict[str, list[float]]:
    """S/N per pixel of AB = 24 and 5-sigma line flux, medians of the arms."""
    ratio, limit = signal_to_noise(hours), line_limit(hours)
    return {
        f"signal_to_noise_{hours:g}h": [float(np.median(ratio[a])) for a in instrument.arms()],
        f"line_limit_{hours:g}h": [float(np.median(limit[a])) for a in instrument.arms()],
    }


def signal_to_noise(hours: float) -> np.ndarray:
    """S/N in each pixel of a source of AB = 24 at every wavelength."""
    flux = 10 ** (-0.4 * (24 + 48.6)) * grids.C * 1e13 / instrument.wavelength() ** 2 / 1e-17
    return flux / np.sqrt(instrument.variance(flux, exposure=hours))


def line_limit(hours: float, width: float = 200.0) -> np.ndarray:
    """Flux at which a line centred on each pixel, fitted by its profile, has S/N 5.

    The line is Gaussian with a FWHM of `width` [km/s] before the instrument; background noise only.
    """
    wave, step = instrument.wavelength(), instrument.pixel_width()
    sigma = np.hypot(wave * width / grids.C / grids.FWHM, instrument.sigma())
    weight = 1 / instrument.variance(np.zeros(len(wave)), exposure=hours)
    limit = np.empty(len(wave))
    for arm in instrument.arms():
        offsets = np.arange(-40, 41)
        padded = np.pad(weight[arm], 40)  # beyond the arm there is nothing
        x = offsets[:, None] * step[arm] / sigma[arm]
        profile = np.exp(-0.5 * x**2) / sigma[arm] / np.sqrt(2 * np.pi)
        seen = np.stack([padded[40 + o : 40 + o + len(weight[arm])] for o in offsets])
        limit[arm] = 5 / np.sqrt(np.sum(profile**2 * seen, axis=0))
    return limit


def galaxies(count: int) -> tuple[dict[str, np.ndarray], float]:
    """The first test galaxies as columns, and the CPU time of one [ms]."""
    task = chunks.Task("", "moons_spectra", "1.0.0", "full", "test", count)
    record.record(chunks.rng(task, 0), "test", 0)
    start = time.process_time()
    records = [record.record(chunks.rng(task, i), "test", i) for i in range(count)]
    cost = (time.process_time() - start) / count * 1e3
    return {name: np.stack([r[name] for r in records]) for name in records[0]}, cost


def observing(columns: dict[str, np.ndarray], residual: float) -> float:
    """CPU time of drawing the noise of one spectrum [ms]."""
    few = {name: column[:300] for name, column in columns.items()}
    few["sky_residual"] = np.full(len(few["flux_true"]), residual)
    observe({name: column[:3] for name, column in few.items()})
    start = time.process_time()
    observe(few)
    return (time.process_time() - start) / len(few["flux_true"]) * 1e3


def measure(count: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Everything that goes into the results, and the galaxies."""
    columns, cost = galaxies(count)
    flux = np.ascontiguousarray(columns["flux_true"].astype("<f2"))
    facts: dict[str, Any] = {
        **sensitivity(2.0),
        **sensitivity(8.0),
        "sky_e_per_s_per_pixel": [
            float(np.median(instrument.sky(1.2)[arm])) for arm in instrument.arms()
        ],
        "galaxies": count,
        "passive": float(columns["is_passive"].mean()),
        "halpha_above_1": float((columns["flux_halpha"] > 1).mean()),
        "percentiles_16_50_84": {
            name: [float(v) for v in np.percentile(columns[name], (16, 50, 84))]
            for name in ("redshift", "mag_h", "log_mstar", "log_sfr", "a_v", "sigma_v")
        },
        "cpu_ms": {
            "noiseless": cost,
            "observe": observing(columns, 0.0),
            "observe_with_sky_residual": observing(columns, 0.01),
        },
        "shifted_lines_over_nominal": other_lines(),
        "first": {
            name: [float(v) for v in columns[name][:FIRST]]
            for name in ("redshift", "mag_h", "log_mstar", "log_sfr", "flux_halpha")
        },
        "flux_true_sha256": hashlib.sha256(flux.tobytes()).hexdigest(),
    }
    facts["first"]["flux_sum"] = [float(f.astype(float).sum()) for f in flux[:FIRST]]
    return rounded(facts), columns


def other_lines() -> dict[str, float]:
    """Line ratios of `shifted_lines` over the nominal ones, where the grid of Cloudy is at hand."""
    path = Path(os.environ.get("ZOO_TEST_DATA", "")) / "spectra" / "hcm_v6.0_cloudy17" / cloudy.FILE
    if not path.is_file():
        print("shifted_lines is not measured: ZOO_TEST_DATA holds no grid of HII-CHI-Mistry")
        return {}
    nominal, shifted = nebula.mappings(), cloudy.hcm(path)
    ratio = shifted.ratios(*TYPICAL_GAS) / nominal.ratios(*TYPICAL_GAS)
    return {name: float(ratio[nominal.name == name][0]) for name in STRONG}


def rounded(value: Any) -> Any:
    """Numbers with five digits."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


def markdown(facts: dict[str, Any]) -> str:
    """The table of the page."""
    lines = ["| | prototype | mock |", "|---|---|---|"]
    for key, label in LABELS.items():
        for arm, other, own in zip(ARMS, PROTOTYPE[key], facts[key], strict=True):  # type: ignore[call-overload]
            lines.append(f"| {label.format(arm)} | {other:.2f} | {own:.2f} |")
    lines.append(f"| passive galaxies | {PROTOTYPE['passive']:.2f} | {facts['passive']:.3f} |")
    share = facts["halpha_above_1"]
    lines.append(
        f"| F(H alpha) > 1e-17 erg/s/cm2 | {PROTOTYPE['halpha_above_1']:.2f} | {share:.3f} |"
    )
    cost = facts["cpu_ms"]
    changed = facts["shifted_lines_over_nominal"]
    if changed:
        each = ", ".join(f"{name} {value:.2f}" for name, value in changed.items())
        lines += ["", f"Line ratios of `shifted_lines` over those of `full` at {GAS}: {each}."]
    text = (
        f"Of the {facts['galaxies']:,} test galaxies. CPU time on one core: "
        f"{cost['noiseless']:.1f} ms for a noiseless spectrum, {cost['observe']:.2f} ms for "
        f"its noise, {cost['observe_with_sky_residual']:.1f} ms with a sky residual."
    )
    return "\n".join([*lines, "", text])


def example_figure(columns: dict[str, np.ndarray]) -> None:
    """Four spectra as observed, and what is behind the noise."""
    from matplotlib import pyplot as plt

    seen = observe({name: column[:600] for name, column in columns.items()})
    z, mag, hours = (seen[name] for name in ("redshift", "mag_h", "exposure"))
    passive, alpha = seen["is_passive"] == 1, seen["flux_halpha"]
    inside = (z > 1.25) & (z < 1.7)
    cases = (
        ("star-forming", ~passive & (mag < 22.5) & inside & (alpha > 10)),
        ("star-forming, faint", ~passive & (mag > 24.3) & inside & (alpha > 2) & (hours == 8)),
        ("passive", passive & (mag < 22.3) & (hours == 8)),
        ("passive, faint", passive & (abs(mag - 23.6) < 0.3) & (hours == 8)),
    )
    figure, axes = plt.subplots(4, 1, figsize=(9, 9), layout="constrained", sharex=True)
    wave = seen["wavelength"] / 1e4
    for ax, (name, chosen) in zip(axes, cases, strict=True):
        i = int(np.flatnonzero(chosen)[0])
        for arm in instrument.arms():
            x, f, w = (v[arm][: (arm.stop - arm.start) // 8 * 8].reshape(-1, 8) for v in (
                wave, seen["flux"][i], seen["ivar"][i],
            ))  # fmt: skip
            ax.plot(x.mean(1), (f * w).sum(1) / w.sum(1), color="0.7", lw=0.6)
            ax.plot(wave[arm], seen["flux_true"][i][arm].astype(float), "k", lw=0.7)
        top = np.percentile(seen["flux_true"][i].astype(float), 99.5)
        ax.set(ylim=(-0.5 * top, 1.8 * top), ylabel="flux [1e-17 cgs/A]")
        ax.set_title(
            f"{name}: z = {z[i]:.3f}, H = {mag[i]:.1f}, {hours[i]:.0f} h", fontsize=9, loc="left"
        )
    axes[-1].set(xlabel="wavelength [micron]; grey: observed, means of 8 pixels")
    figure.savefig(FIGURES / "spectra_mocks_examples.png", dpi=90)
    plt.close(figure)


def instrument_figure() -> None:
    """Sensitivity, and a sky residual beside the noise."""
    from matplotlib import pyplot as plt

    wave = instrument.wavelength() / 1e4
    figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    noise = np.sqrt(instrument.variance(np.zeros(len(wave))))
    left = sky_residual.residual(np.random.default_rng(4), 1.2, 0.8, 0.01)
    ratio, limit = signal_to_noise(2.0), line_limit(2.0)
    for k, arm in enumerate(instrument.arms()):
        axes[0, 0].plot(wave[arm], ratio[arm], f"C{k}", lw=0.5, label=ARMS[k])
        axes[0, 1].semilogy(wave[arm], limit[arm], f"C{k}", lw=0.5)
    axes[0, 0].set(title="S/N per pixel of AB = 24, 2 h", xlabel="wavelength [micron]")
    axes[0, 0].legend()
    axes[0, 1].set(title="5-sigma line, 2 h [1e-17 erg/s/cm2]", xlabel="wavelength [micron]")
    part = slice(*np.searchsorted(wave, (1.66, 1.70)))
    axes[1, 0].semilogy(wave[part], instrument.sky(1.2)[part], lw=0.8)
    axes[1, 0].set(title="sky [e-/s/pixel]", xlabel="wavelength [micron]")
    axes[1, 1].plot(wave[part], noise[part], "0.6", lw=0.8, label="noise, 2 h")
    axes[1, 1].plot(wave[part], left[part], "C3", lw=0.8, label="a residual of `shifted_sky`")
    axes[1, 1].set(title="flux [1e-17 erg/s/cm2/A]", xlabel="wavelength [micron]")
    axes[1, 1].legend()
    figure.savefig(FIGURES / "spectra_mocks_instrument.png", dpi=90)
    plt.close(figure)


def main() -> None:
    """Measure, print, and write results, the page's table and its figures."""
    import matplotlib as mpl

    mpl.use("agg")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer galaxies; writes nothing")
    arguments = parser.parse_args()
    facts, columns = measure(TEST // 10 if arguments.quick else TEST)
    text = markdown(facts)
    print(text)
    if arguments.quick:
        return
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n")
    begin, end = (f"<!-- {word} spectra_mocks -->" for word in ("begin", "end"))
    page = PAGE.read_text(encoding="utf-8")
    page = re.sub(f"(?<={begin}\n).*?(?={end})", f"\n{text}\n\n", page, flags=re.DOTALL)
    PAGE.write_text(page, encoding="utf-8")
    FIGURES.mkdir(exist_ok=True)
    example_figure(columns)
    instrument_figure()


if __name__ == "__main__":
    main()
