"""Signatures over whole releases (OpenSSF Model Signing), for whoever wants more than hashes.

`model.sig` beside the manifest signs every file of the folder, manifest included. The package
`model-signing` is optional: ``pip install 'zoo-astro[sign]'``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from zoo.errors import ReleaseError
from zoo.store.verify import SIGNATURE


def sign(folder: Path, key: Path) -> Path:
    """Sign a release folder with a private key (elliptic curve, PEM) and return `model.sig`.

    Raises
    ------
    ReleaseError
        If the key cannot be used or `model-signing` is not installed.
    """
    target = folder / SIGNATURE
    try:
        config = _module("signing").Config().use_elliptic_key_signer(private_key=key)
        config.set_hashing_config(_hashing(target)).sign(folder, target)
    except (ValueError, TypeError, OSError) as error:
        raise ReleaseError(f"{folder} cannot be signed with {key}: {error}") from error
    return target


def check(folder: Path, key: Path) -> None:
    """Verify `model.sig` with a public key (PEM) that is known from elsewhere; no network.

    Raises
    ------
    ReleaseError
        If there is no signature, it is by another key, or any file changed since.
    """
    target = folder / SIGNATURE
    if not target.is_file():
        raise ReleaseError(f"{folder} is not signed: it holds no {SIGNATURE}")
    module = _module("verifying")
    try:
        config = module.Config().use_elliptic_key_verifier(public_key=key)
        config.set_hashing_config(_hashing(target)).verify(folder, target)
    except Exception as error:  # it raises what its dependencies raise, without a common base
        text = str(error).replace("\n", " ") or type(error).__name__
        raise ReleaseError(f"{folder}: the signature does not fit {key}: {text}") from error


def _hashing(target: Path) -> Any:
    return _module("hashing").Config().set_ignored_paths(paths=[target], ignore_git_paths=False)


def _module(name: str) -> Any:
    try:
        return import_module(f"model_signing.{name}")
    except ImportError as error:
        raise ReleaseError(
            f"signatures need the package model-signing ({error}): pip install 'zoo-astro[sign]'"
        ) from error
