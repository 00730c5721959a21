"""What there is: models and datasets."""

from __future__ import annotations

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
    from zoo_datasets import listing

    rows = [
        (
            f"[`{row['name']}`](datasets/{row['name'].split('/')[0]}/README.md)",
            row["version"],
            row["summary"],
        )
        for row in listing.datasets()
    ]
    return table(("dataset", "version", "what it is"), rows)


PARTS = (models, datasets)
