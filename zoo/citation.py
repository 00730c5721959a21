"""What to cite for what was used."""

from __future__ import annotations

import re
from importlib.resources import files

from zoo import registry
from zoo.version import __version__

SOFTWARE = f"""@software{{zoo,
  author = {{{{The zoo developers}}}},
  title = {{zoo: models and datasets for galaxy dynamics, clusters, large-scale structure and galaxy spectra}},
  version = {{{__version__}}}, year = {{2026}}
}}"""  # noqa: E501


def bibtex(*names: str) -> str:
    """BibTeX entries of models, of the datasets that they were made from, and of the zoo.

    Raises
    ------
    UnknownModelError
        If there is no such model.
    """
    entries: dict[str, str] = {}
    for name in names:
        card, _ = registry.find_card(name)
        text = "\n".join(re.findall(r"```bibtex\n(.*?)```", card.prose, flags=re.DOTALL))
        if card.dataset is not None:
            folder = files("zoo_datasets") / card.dataset.partition("/")[0]
            text += "\n" + (folder / "CITATIONS.bib").read_text(encoding="utf-8")
        entries |= {_key(entry): entry for entry in re.split(r"\n(?=@)", text.strip()) if entry}
    return "\n\n".join([*(entry.strip() for entry in entries.values()), SOFTWARE])


def _key(entry: str) -> str:
    return entry.partition("{")[2].partition(",")[0]
