"""What there is: models and datasets."""

from __future__ import annotations

from typing import Any

from parts.common import table
from zoo import registry


def models() -> str:
    """Every model with its tags, what it needs, predicts and weighs."""
    rows = []
    for card in registry.all_cards().values():
        released = [name for name in card.names if registry.versions(name)]
        if not released:
            continue
        manifests = [registry.find_release(name).manifest for name in released]
        size = max(sum(file["size"] for file in m.files.values()) for m in manifests) / 1e6
        tags = [name.partition(".")[2] for name in released if "." in name]
        rows.append(
            (
                f"[`{card.name}`](zoo/models/{card.family}/{card.name}.md)",
                card.kind,
                card.summary + (f"; tags {', '.join(tags)}" if tags else ""),
                ", ".join(f"`{output}`" for output in card.outputs),
                f"{size:.1f} MB" if size else "",
            )
        )
    return table(("model", "kind", "what it is", "predicts", "size"), rows)


def datasets() -> str:
    """Every dataset with its configs, from the builders' own metadata."""
    import tensorflow_datasets as tfds

    from zoo_datasets import listing

    configs: dict[str, list[dict[str, Any]]] = {}
    for row in listing.datasets():
        configs.setdefault(row["name"].partition("/")[0], []).append(row)
    rows = [
        (
            f"[`{name}`](datasets/{name}/README.md)",
            own[0]["version"],
            (tfds.builder_cls(name).__doc__ or "").strip().partition("\n")[0],
            ", ".join(f"`{row['name'].partition('/')[2]}`" for row in own),
        )
        for name, own in configs.items()
    ]
    return table(("dataset", "version", "what it is", "configs"), rows)


PARTS = (models, datasets)
