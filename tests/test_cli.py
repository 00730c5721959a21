"""The command line: output, exit codes, JSON, and errors in one line without a traceback."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from astropy.table import QTable
from click.testing import CliRunner

from zoo import cli, registry
from zoo.saving import module_of
from zoo.version import __version__


def run(*arguments, code=0):
    """Run a command in this process and return its standard output (and error, if it failed)."""
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    unexpected = result.exception
    assert unexpected is None or isinstance(unexpected, SystemExit), repr(unexpected)
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def error(*arguments, code=1):
    output = run(*arguments, code=code).strip()
    assert "Traceback" not in output
    return output


@pytest.fixture
def galaxy(tmp_path):
    """The example of jam_cyl with a few positions, as a table of one row."""
    example = module_of(registry.find_card("jam_cyl")[0]).example()
    example |= {"xbin": np.arange(5.0), "ybin": np.zeros(5)}
    path = tmp_path / "galaxy.ecsv"
    QTable({name: [value] for name, value in example.items()}).write(path)
    return path


def test_version_and_help():
    assert __version__ in run("--version")
    commands = {"list", "info", "predict", "plot", "demo", "export", "verify", "new"}
    assert commands <= set(cli.main.commands)
    for name in cli.main.commands:
        assert run(name, "--help").startswith("Usage: ")


def test_list():
    rows = json.loads(run("list", "--json"))
    assert [row["name"] for row in rows] == registry.list_models()
    (jam,) = json.loads(run("list", "jam_cyl", "--json"))
    assert jam["kind"] == "exact"
    assert jam["versions"] == registry.versions("jam_cyl")
    line = run("list", "jam_cyl").split()
    assert line[:3] == ["jam_cyl", "exact", ",".join(map(str, jam["versions"]))]
    assert run("list", "no_such_*") == ""


def test_info():
    facts = json.loads(run("info", "jam_cyl", "--json"))
    assert facts == json.loads(run("info", "jam_cyl", "--version", "1", "--json"))
    assert [entry["name"] for entry in facts["outputs"]] == ["vrms", "surface_brightness"]
    assert "vrms [km / s] (P)" in run("info", "jam_cyl")


def test_predict(galaxy, tmp_path):
    report = json.loads(run("predict", "jam_cyl", galaxy, "--json"))
    assert report["meta"] == {"model": "jam_cyl", "version": registry.versions("jam_cyl")[-1]}
    assert report["units"]["vrms"] == "km / s"
    (vrms,) = report["columns"]["vrms"]
    assert 90 < vrms[0] < 110
    assert "km / s" in run("predict", "jam_cyl", galaxy)
    for suffix in ("fits", "h5", "npz"):
        target = tmp_path / f"out.{suffix}"
        assert str(target) in run("predict", "jam_cyl", galaxy, "-o", target)
        assert target.stat().st_size > 100
    (lower,) = json.loads(
        run("predict", "jam_cyl", galaxy, "--set", "inc=1.0 rad", "--set", "mbh=0", "--json")
    )["columns"]["vrms"]
    assert lower[0] < vrms[0]


@pytest.mark.filterwarnings("always::zoo.errors.OutsideRangeWarning")
def test_outside_the_range(galaxy):
    result = CliRunner().invoke(
        cli.main, ["predict", "jam_cyl", str(galaxy), "--set", "beta=-4", "--json"]
    )
    assert result.exit_code == 0
    assert result.stderr.startswith("OutsideRangeWarning: jam_cyl: 1 of 1 rows lie outside")
    assert json.loads(result.stdout)["columns"]["in_domain"] == [False]
    refused = error("predict", "jam_cyl", galaxy, "--set", "beta=-4", "--outside", "raise")
    assert refused == "Error: beta = -4 (1 row), allowed: -3 to 0.9"
    blank = run("predict", "jam_cyl", galaxy, "--set", "beta=-4", "--outside", "nan", "--json")
    assert json.loads(blank, parse_constant=pytest.fail)["columns"]["vrms"] == [[None] * 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "jam_cil"], "There is no model 'jam_cil' in the zoo. Did you mean 'jam_cyl'"),
        (
            ["info", "jam_cyl", "--version", "99"],
            "jam_cyl has not got version 99; versions here: 1",
        ),
        (["verify", "nothing"], "There is no model 'nothing'"),
        (["export", "nothing", "--into", "x"], "There is no model 'nothing'"),
        (["predict", "jam_cil", "GALAXY"], "Did you mean 'jam_cyl'"),
        (["predict", "jam_cyl", "none.fits"], "none.fits is not a file"),
        (["predict", "jam_cyl", "GALAXY", "-o", "x.pkl"], "x.pkl: the format is '.pkl', allowed:"),
        (["predict", "jam_cyl", "GALAXY", "-o", "no/x.fits"], "the folder no does not exist"),
        (["predict", "jam_cyl", "GALAXY", "--set", "inc"], "--set 'inc': write NAME=VALUE"),
        (["predict", "jam_cyl", "GALAXY", "--set", "inc=high"], "inc='high': give a number"),
        (["predict", "jam_cyl", "GALAXY", "--set", "inc=3 kpc"], "inc is in kpc"),
        (["predict", "jam_cyl", "GALAXY", "--set", "inc=20"], "qobs_lum = 0.7"),
        (["predict", "jam_cyl", "GALAXY", "--set", "incl=20"], "Did you mean 'inc'?"),
        (["predict", "jam_cyl", "GALAXY", "--group", "id"], "group='id' is not a column"),
        (["predict", "jam_cyl", "."], "lacks mge.ecsv"),
        (["plot", "jam_cyl", ".", "--distance", "far"], "distance='far': give a number"),
        (["plot", "jam_cyl", ".", "--distance", "3 kg"], "distance is 3.0 kg, allowed: a number"),
        (["plot", "jam_cyl", ".", "--distance", "3 Mpc"], "lacks mge.ecsv"),
    ],
)
def test_errors_are_one_line(arguments, message, galaxy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    galaxy.rename("g.ecsv")
    output = error(*("g.ecsv" if a == "GALAXY" else a for a in arguments))
    assert output.startswith("Error: ")
    assert message in output
    assert "\n" not in output


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["list", "--yaml"], ["info"], ["predict", "jam_cyl"], ["plot", "flow", "."],
     ["predict", "jam_cyl", "x", "--outside", "ignore"], ["info", "jam_cyl", "--version", "one"]],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments):
    assert error(*arguments, code=2).startswith("Usage: ")


def test_export_and_verify(tmp_path):
    first = run("export", "jam_cyl", "--into", tmp_path).strip()
    assert first == str(tmp_path / "jam_cyl" / "1")
    assert sorted(path.name for path in (tmp_path / "jam_cyl").iterdir()) == ["1"]
    assert run("export", "jam_cyl", "--into", tmp_path).strip() == str(tmp_path / "jam_cyl" / "2")
    assert "files as in the manifest, golden output within" in run("verify", "jam_cyl")


def test_a_galaxy_is_fitted_and_drawn(test_data, tmp_path):
    figure = tmp_path / "fit.png"
    source = test_data / "jam" / "NGC6278"
    facts = json.loads(
        run("plot", "jam_cyl", source, "--distance", "39.96 Mpc", "-o", figure, "--json")
    )
    assert facts["best"]["inc"] == pytest.approx(64.6, abs=3)
    assert facts["dof"] == 149
    assert facts["rms_residual_km_s"] < 25
    assert figure.read_bytes()[1:4] == b"PNG"
    best = [f"--set={name}={value}" for name, value in facts["best"].items()]
    text = run("predict", "jam_cyl", source, *best, "--set", "distance=39.96 Mpc")
    assert f"152 bins: rms residual {facts['rms_residual_km_s']:.1f} km/s" in text


def test_demo(tmp_path):
    text = run("demo", "-o", tmp_path / "new")
    assert re.search(r"Vrms at +20.0 arcsec on the major axis: [56]\d\.\d km / s", text)
    for part in ("M32", "importing TensorFlow: ", "first call", "Figure: "):
        assert part in text
    assert (tmp_path / "new" / "m32_vrms.png").stat().st_size > 10_000


# --- as a process of its own


def process(*arguments, cwd):
    command = [sys.executable, "-c", "from zoo.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_prediction_is_all_that_a_process_prints(galaxy, tmp_path):
    done = process("predict", "jam_cyl", galaxy, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["meta"]["model"] == "jam_cyl"
    assert done.stderr == ""


def test_an_error_is_all_that_a_process_prints(galaxy, tmp_path):
    done = process("predict", "jam_cyl", galaxy, "--set", "inc=20", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: qobs_lum = ")
    assert done.stderr.count("\n") == 1
