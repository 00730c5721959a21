"""Networks from dark matter to galaxies: draws, batches for training, metrics and bad input."""

import numpy as np
import pytest

from zoo import saving
from zoo.errors import InputError, OutsideRangeWarning
from zoo.evaluation.galaxy_boxes import galaxy_box_errors
from zoo.models.galaxies import drawing, galaxy_intensity_varied, intensity, two_phase, voxel_draws
from zoo.models.galaxies.voxel_crops import SIDE, VoxelCrops
from zoo.nn.voxel_pyramid import PATCH, SCALE

# --- drawing


def test_each_voxel_has_its_chance_and_a_peak_its_number():
    rng = np.random.default_rng(0)
    chance = np.zeros((12, 12, 12))
    chance[2, 2, 2:5] = 0.4, 0.5, 0.1  # one halo
    chance[11, 0, 0], chance[0, 0, 11] = 0.3, 0.2  # one across faces
    chance[7, 7, 7] = 0.35
    total = np.zeros_like(chance)
    draws = 4000
    for _ in range(draws):
        found = drawing.peaked(chance, rng)
        assert found[2, 2, 2:5].sum() == 1
        assert found[11, 0, 0] + found[0, 0, 11] <= 1
        total += found
    np.testing.assert_allclose(total / draws, chance, atol=5 * 0.5 / np.sqrt(draws))


def test_nothing_is_drawn_from_nothing():
    assert drawing.peaked(np.zeros((4, 4, 4)), np.random.default_rng(0)).sum() == 0


def test_numbers_have_their_means():
    rng = np.random.default_rng(1)
    shape = (40, 40, 40)
    central = rng.random(shape) * 0.5
    cases = {
        "central": {"galaxy_count": central + 0.2, "galaxy_central": central},
        "probability": {"galaxy_count": central * 1.5, "galaxy_probability": central},
        "poisson": {"galaxy_count": central},
    }
    for name, prediction in cases.items():
        found = drawing.numbers(prediction, rng)
        assert found.sum() == pytest.approx(prediction["galaxy_count"].sum(), rel=0.03), name
    occupied = drawing.numbers(cases["probability"], rng) > 0
    assert occupied.sum() == pytest.approx(central.sum(), rel=0.03)


def test_positions_lean_towards_fuller_neighbours():
    field = np.zeros((8, 8, 8)) + 1e-3
    field[3, 3, 3], field[4, 3, 3] = 1.0, 0.5
    count = np.zeros(field.shape, int)
    count[3, 3, 3] = 20_000
    found = drawing.positions(count, field, 16.0, np.random.default_rng(2)) / 2 - 3
    assert ((found >= 0) & (found < 1)).all()
    slope = 0.499 / 1.501
    assert found[:, 0].mean() == pytest.approx(0.5 + slope / 6, abs=0.01)
    assert found[:, 1].mean() == pytest.approx(0.5, abs=0.01)
    assert np.mean(found[:, 0] < 0.5) == pytest.approx(0.5 - slope / 4, abs=0.015)


# --- batches


def box(side=32, seed=0, **more):
    rng = np.random.default_rng(seed)
    smooth = np.exp(rng.standard_normal((side,) * 3))
    counts = rng.poisson(smooth / smooth.mean())
    galaxies = rng.poisson(0.02 * counts)
    return {"dm_counts": counts.astype(np.uint16), "galaxy_count": galaxies.astype(np.uint8)} | {
        "factor": 1.0, "parameters": [], **more
    }  # fmt: skip


@pytest.fixture(scope="module")
def draws():
    found = voxel_draws.VoxelDraws([box(), box(seed=1)], 3, 4, seed=1)
    found.batch_size = 4000
    return found


def test_weights_make_up_for_the_strata(draws):
    sums = np.zeros(3)
    for index in range(40):
        inputs, count, weight = draws[index]
        here = np.expm1(inputs["patch_0"][:, PATCH**3 // 2] / SCALE)
        sums += weight.sum(), (weight * count[:, 0]).sum(), (weight * here).sum()
    galaxies = sum(int(count.sum()) for count in draws.count)
    assert sums[1] / sums[0] == pytest.approx(galaxies / (2 * 32**3), rel=0.02)
    assert sums[2] / sums[0] == pytest.approx(1, rel=0.03)
    assert draws.mean_count == pytest.approx(galaxies / (2 * 32**3))


def test_voxels_may_weigh_more(draws):
    boxes = [box(importance=np.full((32,) * 3, 3.0)), box(seed=1, importance=np.ones((32,) * 3))]
    heavy = voxel_draws.VoxelDraws(boxes, 3, 4, seed=1)
    heavy.batch_size = draws.batch_size
    ratio = heavy[0][2] / draws[0][2]
    assert set(np.round(ratio, 5)) == {1.0, 3.0}


def test_patches_are_what_lies_around():
    plain = voxel_draws.VoxelDraws([box()], 2, 1)
    plain.batch_size = 400
    inputs, count, _ = plain[0]
    counts = np.asarray(box()["dm_counts"], float)
    # every patch is found in the box, with its galaxies
    log = SCALE * np.log1p(np.pad(counts, 2, mode="wrap"))
    windows = np.lib.stride_tricks.sliding_window_view(log, (5, 5, 5)).reshape(-1, 125)
    galaxies = np.asarray(box()["galaxy_count"]).ravel()
    for row in range(0, 60, 7):
        match = np.abs(windows - inputs["patch_0"][row]).max(axis=1) < 2e-3
        assert match.sum() == 1
        assert galaxies[match][0] == count[row, 0]


def test_orientations_are_those_of_a_cube():
    found = voxel_draws.orientations()
    assert len({tuple(cube) for cube, _ in found}) == 48
    place = np.array([0.3, -0.5, 0.7])  # a field that points somewhere, and the voxel's own place
    grid = np.stack(np.meshgrid(*[np.arange(5) - 2] * 3, indexing="ij"), axis=-1)
    linear = (grid @ place).ravel()
    for cube, (axes, signs) in found:
        np.testing.assert_allclose(linear[cube], (grid @ (place[axes] * signs)).ravel(), atol=1e-12)


def test_crops_are_unbiased_and_cut_across_faces():
    boxes = [box(64), box(64, 1)]
    boxes[1]["dm_counts"] = boxes[1]["dm_counts"] // 3  # a box of which fewer crops are drawn
    crops = VoxelCrops(boxes, 4, 10, seed=1)
    crops.batch_size = 40
    weights, counts = [], []
    for index in range(20):
        x, y, weight = crops[index]
        assert x.shape == (40, SIDE + 8, SIDE + 8, SIDE + 8, 1)
        weights.append(weight)
        counts.append(y.mean((1, 2, 3, 4)))
    weights, counts = np.concatenate(weights), np.concatenate(counts)
    truth = np.mean([np.asarray(b["galaxy_count"]).mean() for b in boxes])
    assert np.mean(weights * counts) == pytest.approx(truth, rel=0.1)
    assert weights.mean() == pytest.approx(1, rel=0.1)
    fixed = VoxelCrops(boxes, 4, 10)
    np.testing.assert_array_equal(fixed[3][0], fixed[3][0])


# --- models


def test_parameters_are_told_alike_in_training_and_serving():
    model = galaxy_intensity_varied.build()
    core = model.get_layer("core")
    data = {
        "box_size": np.array([6.25]), "dm_counts": box()["dm_counts"][None],
        "galaxy_count": box()["galaxy_count"][None], "omega_m": np.array([0.4]),
        "sigma_8": np.array([0.7]), "a_sn1": np.array([2.0]),
    }  # fmt: skip
    (found,) = intensity.of_split(data, model.get_layer("mass").voxel, core, 1.0)
    truth = [0.5, -0.5, np.log(2) / 1.4, 1.0]
    np.testing.assert_allclose(found["parameters"], truth, rtol=1e-5)
    assert found["factor"] == pytest.approx(1)


def test_students_can_be_written_down():
    """TensorBoard writes the graph of a student; one that cannot be written is a warning."""
    from zoo.models.galaxies import galaxy_r2unet

    student = intensity.student_of(galaxy_intensity_varied.build().get_layer("core"))
    assert "galaxy_intensity" not in student.to_json()
    flat = np.ones((1, 64, 64, 64), np.uint8)
    data = {"box_size": np.array([6.25]), "dm_counts": flat, "galaxy_count": flat}
    student, _, _ = two_phase.lesson(galaxy_r2unet.build(widths=(2, 3)), data, data)
    assert "PeriodicConv3D" in student.to_json()


def test_a_start_has_the_mean_number():
    data = {"galaxy_count": np.full((1, 4, 4, 4), 2, np.uint8)}
    data["galaxy_count"][0, :2] = 0
    from zoo.models.galaxies import galaxy_inception

    model = galaxy_inception.build()
    two_phase.adapt(model, data)
    out = model.get_layer("core").get_layer("classifier_out")
    assert out.bias.numpy()[0] == pytest.approx(np.log(80))
    kernel = out.kernel
    kernel.assign(0 * kernel)
    regressor = model.get_layer("core").get_layer("regressor_out")
    regressor.kernel.assign(0 * regressor.kernel)
    found = model({"dm_counts": np.ones((1, 8, 8, 8)), "box_size": np.array([0.78125])})
    assert np.asarray(found["galaxy_probability"]).mean() == pytest.approx(0.5, rel=1e-4)
    assert np.asarray(found["galaxy_count"]).mean() == pytest.approx(1.0, rel=1e-4)


# --- metrics


def test_a_box_is_judged():
    rng = np.random.default_rng(4)
    mean = 0.02 * np.exp(1.5 * rng.standard_normal((2, 64, 64, 64)))
    true = rng.poisson(mean)
    mask = (true > 0).astype(float)
    found = galaxy_box_errors(mean, true, -np.expm1(-mean), mask=mask)
    assert found["recall"] == found["precision"] == found["accuracy"] == 1
    assert found["abundance_ratio"] == pytest.approx(1, rel=0.03)
    assert found["drawn_abundance"] == pytest.approx(1, rel=0.03)
    assert found["power_ratio_5"] == pytest.approx(1, rel=0.05)
    assert found["accuracy_all_zero"] == pytest.approx(1 - mask.mean())
    other = galaxy_box_errors(mean[:, ::-1].copy(), true)
    assert abs(other["correlation_5"]) < 0.1 < found["correlation_5"]
    assert "recall" not in other


# --- as models of the zoo

NAMES = ("galaxy_intensity", "galaxy_inception")  # those with a release


@pytest.mark.parametrize("name", NAMES)
def test_strange_boxes(name):
    from zoo import registry
    from zoo.model import load_model

    model = load_model(registry.find_card(name)[1], strategy=None)
    x = saving.module_of(model.card).example()
    with pytest.warns(OutsideRangeWarning, match="side of the network's voxels"):
        assert not model.predict(x | {"box_size": 2 * x["box_size"]}).in_domain
    with pytest.raises(InputError, match="share the axis N"):
        model.predict(x | {"dm_counts": x["dm_counts"][:8]})
    with pytest.raises(InputError, match=r"dm_counts = -5"):
        model.predict(x | {"dm_counts": x["dm_counts"] - 5})
    with pytest.raises(InputError, match="is box_size in Mpc/h"):
        model.predict(x | {"box_size": 1e3 * x["box_size"]})
