"""Periodic convolutions, pyramids, U-Nets, slabs and losses on voxels."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import convolve
from scipy.stats import poisson

from zoo.nn import inception3d, slabs, unet3d, voxel_losses
from zoo.nn.film import FiLM
from zoo.nn.periodic import PeriodicConv3D, wrapped
from zoo.nn.voxel_pyramid import PATCH, SCALE, VoxelPyramid


def random_weights(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        fan = max(1, np.prod(weight.shape[:-1]))
        weight.assign(rng.normal(size=weight.shape) / np.sqrt(fan))


def field(*shape, seed=1):
    return np.random.default_rng(seed).poisson(2, (1, *shape, 1)).astype("float32")


def test_wrapped_is_numpys():
    x = field(5, 6, 7)
    ours = ops.convert_to_numpy(wrapped(x, 2))
    np.testing.assert_array_equal(ours, np.pad(x, [(0, 0), *[(2, 2)] * 3, (0, 0)], mode="wrap"))
    assert wrapped(x, 0) is x


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_convolution_is_scipys(kernel):
    layer, x = PeriodicConv3D(1, kernel, use_bias=False), field(6, 5, 7)
    found = ops.convert_to_numpy(layer(x))[0, ..., 0]
    weights = ops.convert_to_numpy(layer.conv.kernel)[..., 0, 0]
    truth = convolve(x[0, ..., 0], weights[::-1, ::-1, ::-1], mode="wrap")
    np.testing.assert_allclose(found, truth, atol=1e-4)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="kernel is 4"):
        PeriodicConv3D(1, 4)


def test_film_scales_and_shifts():
    layer = FiLM(3)
    x, told = np.ones((2, 4, 4, 4, 5), "float32"), np.array([[0.5], [-1.0]], "float32")
    found = ops.convert_to_numpy(layer(x, told))
    random_weights(layer)
    found = ops.convert_to_numpy(layer(x, told))
    hidden = np.tanh(told @ layer.first.kernel.numpy() + layer.first.bias.numpy())
    amounts = hidden @ layer.second.kernel.numpy() + layer.second.bias.numpy()
    np.testing.assert_allclose(found[:, 2, 1, 0], 1 + amounts[:, :5] + amounts[:, 5:], rtol=1e-5)


# --- networks


def networks():
    x = keras.Input((None, None, None, 1))
    recurrent = unet3d.recurrent_residual("float32", 2, 1)
    blocks = {"plain": unet3d.plain("float32"), "recurrent": recurrent}
    made = {"inception": (inception3d.inception(x, "n", "float32"), inception3d.REACH)}
    for (name, block), number in zip(blocks.items(), (2, 3), strict=True):
        made[name] = unet3d.unet(x, (3, 4, 5), block, name, "float32"), unet3d.reach(3, number)
    return {name: (keras.Model(x, y), reach) for name, (y, reach) in made.items()}


@pytest.fixture(scope="module", params=["inception", "plain", "recurrent"])
def network(request):
    model, reach = networks()[request.param]
    random_weights(model)
    return model, reach


def test_a_slab_has_the_answer_of_the_box(network):
    model, reach = network
    x = field(88, 8, 8)
    whole = ops.convert_to_numpy(model(x))
    along = np.arange(16 - reach, 24 + reach) % 88
    part = ops.convert_to_numpy(model(x[:, along]))[:, reach:-reach]
    np.testing.assert_allclose(part, whole[:, 16:24], atol=1e-5)
    assert np.ptp(whole) > 0.1
    less = reach // 8 * 4  # half of it is not enough
    if less:
        short = along[reach - less : less - reach]
        found = ops.convert_to_numpy(model(x[:, short]))[:, less:-less]
        assert np.abs(found - whole[:, 16:24]).max() > 1e-4


def test_a_box_may_be_moved(network):
    model, _ = network
    x = field(8, 8, 8)
    moved = ops.convert_to_numpy(model(np.roll(x, (4, -4), (1, 3))))
    still = np.roll(ops.convert_to_numpy(model(x)), (4, -4), (1, 3))
    np.testing.assert_allclose(moved, still, atol=1e-5)


def test_recurrences_share_their_kernel():
    x = keras.Input((None, None, None, 1))
    sizes = [
        keras.Model(x, unet3d.recurrent_residual("float32", t)(x, 4, "b")).count_params()
        for t in (1, 3)
    ]
    assert sizes[0] == sizes[1] == (1 * 4 + 4) + 2 * (27 * 4 * 4 + 4)


def test_inception_has_the_published_size():
    x = keras.Input((None, None, None, 1))
    model = keras.Model(x, inception3d.inception(x, "n", "float32"))
    # 30,675 with two logits and no biases, of which one logit is left, with a bias
    kernels = 6 + 27 * 8 + 125 * 10 + 3 + 27 * 27 * 27 + 27 * 27 * 13
    assert model.count_params() == kernels + 13 + 1


# --- pyramid


@pytest.fixture(scope="module")
def pyramid():
    layer = VoxelPyramid(3, 6, (5, 4), 2, conditioned=True, name="core")
    layer.build((None, None, None, None, 1), (None, 2))
    random_weights(layer)
    return layer


TOLD = np.array([[0.3, -0.7]], "float32")


def test_single_voxels_have_the_answer_of_the_box(pyramid):
    x = field(16, 16, 16)
    whole = ops.convert_to_numpy(pyramid(x, TOLD))
    voxels = np.random.default_rng(2).integers(16, size=(20, 3))
    patches = []
    for level in range(3):
        n = 16 >> level
        cells = x[0, ..., 0].reshape(n, 2**level, n, 2**level, n, 2**level).sum((1, 3, 5))
        padded = np.pad(SCALE * np.log1p(cells), 2, mode="wrap")
        patches.append(
            np.stack([
                padded[i : i + PATCH, j : j + PATCH, k : k + PATCH].ravel()
                for i, j, k in voxels >> level
            ])
        )  # fmt: skip
    places = np.concatenate([(2 * (voxels % s) + 1) / s - 1 for s in (2, 4)], axis=1)
    alone = pyramid.of_patches(
        [p.astype("float32") for p in patches], places.astype("float32"), np.repeat(TOLD, 20, 0)
    )
    np.testing.assert_allclose(alone, whole[0][tuple(voxels.T)], atol=1e-5)


@pytest.mark.parametrize("thickness", [4, 8, 64])
@pytest.mark.parametrize("side", [12, 13])
def test_slabs_join_to_the_box(pyramid, thickness, side):
    import tensorflow as tf

    x = field(side, side, side)

    def slab(part):
        return pyramid(part, TOLD, halo=pyramid.reach)

    found = slabs.in_slabs(slab, tf.constant(x[0, ..., 0]), pyramid.reach, 4, thickness).numpy()
    if side == 12:
        whole = ops.convert_to_numpy(pyramid(x, TOLD))[0]
    else:  # no multiple of the cells: the truth is a larger piece of the repeated box
        along = np.arange(-8, 24) % side
        whole = ops.convert_to_numpy(pyramid(x[:, along][:, :, along][:, :, :, along], TOLD))[0]
        whole = whole[8:21, 8:21, 8:21]
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_boxes_of_a_batch_may_differ():
    import tensorflow as tf

    padded = np.full((2, 4, 4, 4), np.nan, "float32")
    padded[0], padded[1, :3, :3, :3] = 1, 2
    rows = {"size": tf.constant([1.0, 10.0])}
    found = slabs.boxes(
        lambda box, row: (box * row["size"])[..., None], tf.constant(padded), rows, 1
    ).numpy()
    assert (found[0] == 1).all()
    assert (found[1, :3, :3, :3] == 20).all()
    assert np.isnan(found[1]).sum() == 64 - 27


# --- losses


def test_loss_is_the_probability_of_the_sum():
    count = np.arange(7, dtype="float64")
    central, mean = 0.3, 1.7
    truth = (1 - central) * poisson.pmf(count, mean)
    truth[1:] += central * poisson.pmf(count[:-1], mean)
    logit = np.full(7, np.log(central / (1 - central)))
    found = voxel_losses.central_and_satellites(count, logit, np.full(7, np.log(mean)))
    constant = np.cumsum(np.log(np.maximum(count - 1, 1)))  # ln (N - 1)!
    np.testing.assert_allclose(np.asarray(found), -np.log(truth) - constant, rtol=1e-6)


def test_weights_of_classes_are_undone():
    rng = np.random.default_rng(3)
    occupied = rng.random(200_000) < 0.02
    logits = np.linspace(-2, 2, 401)
    losses = [
        np.mean(voxel_losses.weighted_cross_entropy(occupied, np.full(occupied.shape, v), 80.0))
        for v in logits[::40]
    ]
    share = occupied.mean()
    best = np.log(80 * share / (1 - share))
    assert abs(logits[::40][np.argmin(losses)] - best) <= 0.2
    p = 1 / (1 + np.exp(-np.asarray(voxel_losses.unweighted(np.array([best]), 80.0))))
    assert p[0] == pytest.approx(share, rel=1e-5)
