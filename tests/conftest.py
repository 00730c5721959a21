"""What every test shares: a quiet, offline, seeded process and the reference data.

TensorFlow is not imported here, so that tests which need none do not pay for it. Whoever imports
it first, test or library, finds two logical CPUs: devices must be set before the first operation.
"""

import os

# Read by libraries when they are imported, hence before anything else.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["MPLBACKEND"] = "Agg"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import atexit
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import pytest
import wrapt

# What is collected must not depend on the releases that this user has fetched.
os.environ["ZOO_HOME"] = tempfile.mkdtemp(prefix="zoo-tests-")
os.environ.pop("ZOO_PATH", None)
atexit.register(shutil.rmtree, os.environ["ZOO_HOME"], ignore_errors=True)

SEED = 20061
LOOPBACK = {"localhost", "::1", "0.0.0.0", "::", "", None}  # noqa: S104 (nothing is bound here)
NO_DATA = "ZOO_TEST_DATA is not set: no reference data to compare with"


def _two_logical_cpus(tensorflow):
    cpu = tensorflow.config.list_physical_devices("CPU")[0]
    half = tensorflow.config.LogicalDeviceConfiguration()
    tensorflow.config.set_logical_device_configuration(cpu, [half, half])


wrapt.register_post_import_hook(_two_logical_cpus, "tensorflow")


@pytest.fixture(scope="session")
def tf():
    """TensorFlow, with two logical CPUs."""
    import tensorflow as tf

    assert len(tf.config.list_logical_devices("CPU")) == 2
    return tf


@pytest.fixture
def keras():
    """Keras, with every global seed set."""
    import keras

    keras.utils.set_random_seed(SEED)
    return keras


@pytest.fixture(autouse=True)
def _seeded():
    """Give tests that reach Keras through our own code the same seeds in any order."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(SEED)


@pytest.fixture(scope="session")
def test_data():
    """Folder of the reference data; the test is skipped where there is none."""
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder:
        pytest.skip(NO_DATA)
    if not Path(folder).is_dir():
        pytest.fail(f"ZOO_TEST_DATA = {folder!r} is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def repository():
    """Root of the source tree."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory):
    """Keep the user's cache and settings out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ZOO_")]:
            if name != "ZOO_TEST_DATA":
                patch.delenv(name)
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("zoo_home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_network():
    """Refuse connections and name look-ups beyond this machine, loudly."""
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(host):
        if isinstance(host, bytes):
            host = host.decode()
        if host not in LOOPBACK and not str(host).startswith("127."):
            raise RuntimeError(f"a test tried to reach {host!r}: tests use no network")

    def checked(original):
        def call(self, address):
            if self.family != socket.AF_UNIX:
                check(address[0])
            return original(self, address)

        return call

    def checked_getaddrinfo(host, *args, **kwargs):
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked(connect))
        patch.setattr(socket.socket, "connect_ex", checked(connect_ex))
        patch.setattr(socket, "getaddrinfo", checked_getaddrinfo)
        yield


def pytest_terminal_summary(terminalreporter):
    """Say how much was not tested for want of reference data."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum("ZOO_TEST_DATA" in str(report.longrepr) for report in skipped)
    where = os.environ.get("ZOO_TEST_DATA", "not set")
    terminalreporter.write_line(
        f"{count} test(s) skipped for want of reference data (ZOO_TEST_DATA: {where})",
        yellow=count > 0,
    )
