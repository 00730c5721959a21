"""The released models that travel with the package: one folder per model and version.

Installed as ``zoo_saved_models``. Folders hold data, no code: ``<name>/<version>/release.json``
lists every file of a release with its size and sha256.
"""
