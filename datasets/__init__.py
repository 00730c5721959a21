"""TensorFlow Datasets builders of the zoo, installed as ``zoo_datasets``.

Importing this package registers every ``<name>/<name>_dataset_builder.py`` beside this file, so
that ``tfds.load("<name>")`` finds it. No list is edited to add a dataset, and no TensorFlow is
imported.
"""

if __name__ != "zoo_datasets":
    raise ImportError(
        f"this folder is the package 'zoo_datasets', not {__name__!r}: install the project and "
        "`import zoo_datasets`. If you wanted Hugging Face's `datasets`, start Python outside "
        "the root of this repository, whose folder `datasets/` hides it."
    )

from importlib import import_module
from pathlib import Path

for _builder in sorted(Path(__file__).parent.glob("*/*_dataset_builder.py")):
    if _builder.stem == f"{_builder.parent.name}_dataset_builder":
        import_module(f"{__name__}.{_builder.parent.name}.{_builder.stem}")
