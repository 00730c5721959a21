"""The shared fixtures do what they promise."""

import socket
import subprocess
import sys

import pytest


def test_network_is_refused():
    with pytest.raises(RuntimeError, match=r"192\.0\.2\.1.*no network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(RuntimeError, match=r"example\.org.*no network"):
        socket.getaddrinfo("example.org", 443)


def test_loopback_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            assert client.getpeername()[1] == port


def test_keras_is_seeded(keras):
    first = keras.ops.convert_to_numpy(keras.random.normal((3,)))
    keras.utils.set_random_seed(20061)
    assert (first == keras.ops.convert_to_numpy(keras.random.normal((3,)))).all()


def test_two_logical_cpus(tf):
    with tf.device("CPU:1"):
        assert tf.constant(1.0).device.endswith("CPU:1")
    assert not tf.config.list_physical_devices("GPU")


def test_two_logical_cpus_whoever_imports(repository):
    """The hook also works when no fixture is asked for."""
    code = (
        "import runpy; runpy.run_path('tests/conftest.py'); import keras, tensorflow as tf; "
        "keras.ops.ones(1); print(len(tf.config.list_logical_devices('CPU')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["2"]


def test_missing_data_skips_and_is_counted(repository, tmp_path):
    (tmp_path / "conftest.py").write_text((repository / "tests" / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text("def test_it(test_data): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    for value, expected in {
        "": "1 test(s) skipped for want of reference data",
        "/no/such/folder": "ZOO_TEST_DATA = '/no/such/folder' is not a folder",
    }.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZOO_TEST_DATA", value)
            answer = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, check=False
            )
        assert expected in answer.stdout, answer.stdout
