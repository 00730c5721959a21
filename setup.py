"""The package list, which setup.cfg cannot rename; everything else stands in setup.cfg."""
from setuptools import find_packages, setup
FOLDERS = {"zoo": "zoo", "zoo_datasets": "datasets", "zoo_saved_models": "saved_models"}
setup(package_dir=FOLDERS, packages=[p for n, f in FOLDERS.items() for p in (n, *(f"{n}.{s}" for s in find_packages(f)))])
