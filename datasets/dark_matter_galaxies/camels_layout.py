"""Where CAMELS keeps its files, what it calls them, and what its parameter tables say.

The tree is that of https://users.flatironinstitute.org/~camels/ (or its Globus endpoint
58bdcd24-6590-11ec-9b60-f9dfb1abb183), of which a copy of these files suffices, i = 0 ... 26:

    Sims/<suite>_DM/L25n256/CV/CV_i/snapshot_090.hdf5       dark matter of the N-body run
    FOF_Subfind/<suite>/L25n256/CV/CV_i/groups_090.hdf5     galaxies of the hydrodynamical run
    FOF_Subfind/<suite>_DM/L25n256/CV/CV_i/groups_090.hdf5  haloes of the N-body run, optional
    Parameters/<suite>/CosmoAstroSeed_<suite>_L25n256_CV.txt

Downloads from before 2024 are read as well: `snap_033.hdf5` and `fof_subhalo_tab_033.hdf5`, in
`Sims/<suite>/CV_i/` without the folders between. The documentation of CAMELS warns of faults in
some halo catalogues of N-body runs of the sets 1P and CV: take files newer than that note.
"""

from __future__ import annotations

from pathlib import Path

from zoo_datasets.errors import DatasetError

SUITES = ("IllustrisTNG", "SIMBA", "Astrid")
SPLITS = {  # by simulation: those of one number share their phases in every suite of the set CV
    "CV": {"train": range(20), "validation": range(20, 23), "test": range(23, 27)},
    "LH": {"train": range(800), "validation": range(800, 900), "test": range(900, 1000)},
}
SNAPSHOT = ("snapshot_090", "snap_033")  # names since 2024 and before; both are redshift 0
CATALOGUE = ("groups_090", "fof_subhalo_tab_033")
BOX = "L25n256"
PARAMETERS = {
    "omega_m": "Omega_m",
    "sigma_8": "sigma_8",
    "a_sn1": "A_SN1",
    "a_agn1": "A_AGN1",
    "a_sn2": "A_SN2",
    "a_agn2": "A_AGN2",
}


def snapshot(root: Path, suite: str, name: str) -> list[Path]:
    """Parts of the N-body snapshot of a box, empty if there is none.

    Every suite has N-body runs of its own; in the set CV they share phases and cosmology, so that
    those of another suite stand in where they are missing.
    """
    others = [other for other in SUITES if other != suite] if name.startswith("CV_") else []
    for each in (suite, *others):
        if found := _parts(_folders(root, ("Sims",), f"{each}_DM", name), SNAPSHOT):
            return found
    return []


def catalogue(root: Path, run: str, name: str) -> list[Path]:
    """Parts of the group catalogue of a run (`SIMBA`, `SIMBA_DM`), empty if there is none."""
    return _parts(_folders(root, ("FOF_Subfind", "Sims"), run, name), CATALOGUE)


def available(root: Path, suite: str, group: str) -> dict[str, list[str]]:
    """Names of the boxes of a set that are there, by split.

    Raises
    ------
    DatasetError
        If suite or set is unknown, no box is there, or one has its dark matter without its
        galaxies or the reverse.
    """
    for what, given, allowed in (("suite", suite, SUITES), ("set", group, tuple(SPLITS))):
        if given not in allowed:
            raise DatasetError(f"{what} is {given!r}, allowed: {', '.join(allowed)}")
    found: dict[str, list[str]] = {}
    for split, numbers in SPLITS[group].items():
        names = [f"{group}_{number}" for number in numbers]
        found[split] = [name for name in names if _complete(root, suite, name)]
    if not any(found.values()):
        first = _folders(root, ("Sims",), f"{suite}_DM", f"{group}_0")[0]
        raise DatasetError(
            f"{root} holds no box of {suite} {group}; needed are files such as "
            f"{first / SNAPSHOT[0]}.hdf5, see README.md of dark_matter_galaxies"
        )
    return found


def parameters(root: Path, suite: str, group: str) -> dict[str, dict[str, float]]:
    """Parameters of every box of a set, from its table, by the names of the columns.

    The order of the columns is a trap: A_AGN1 stands before A_SN2 in these tables, and after it in
    other files of CAMELS, which are not read.

    Raises
    ------
    DatasetError
        If there is no table, or a column or number is missing.
    """
    file = f"CosmoAstroSeed_{suite}_{BOX}_{group}.txt"
    folders = [root / "Parameters" / suite, root / "Parameters", root / "Sims" / suite, root]
    paths = [folder / file for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise DatasetError(f"there is no table of parameters; looked for {_listed(paths)}")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    header = lines[0].lstrip("# ").split() if lines and lines[0].startswith("#") else []
    if lost := [column for column in PARAMETERS.values() if column not in header]:
        raise DatasetError(
            f"{path}: the first line names no column {', '.join(lost)}; needed: a line "
            f"'#Name {' '.join(PARAMETERS.values())} seed' in any order"
        )
    table = {}
    for line in lines[1:]:
        cells = dict(zip(header, line.split(), strict=False))
        try:
            row = {name: float(cells[column]) for name, column in PARAMETERS.items()}
        except (KeyError, ValueError) as error:
            raise DatasetError(f"{path}: cannot read the line {line.strip()!r}") from error
        table[cells[header[0]]] = row
    return table


def _folders(root: Path, kinds: tuple[str, ...], run: str, name: str) -> list[Path]:
    group = name.partition("_")[0]
    return [
        root / kind / run / between / name for kind in kinds for between in (f"{BOX}/{group}", "")
    ]


def _parts(folders: list[Path], stems: tuple[str, ...]) -> list[Path]:
    """One file, or all `stem.0.hdf5`, `stem.1.hdf5`, ... in a folder or the folder of parts."""
    for folder in folders:
        for stem in stems:
            if (whole := folder / f"{stem}.hdf5").is_file():
                return [whole]
            number = stem.rpartition("_")[2]
            for place in (folder, folder / f"snapdir_{number}", folder / f"groups_{number}"):
                parts = {int(p.name.split(".")[1]): p for p in place.glob(f"{stem}.[0-9]*.hdf5")}
                if parts:
                    return [parts[index] for index in sorted(parts)]
    return []


def _complete(root: Path, suite: str, name: str) -> bool:
    matter, galaxies = snapshot(root, suite, name), catalogue(root, suite, name)
    if bool(matter) == bool(galaxies):
        return bool(matter)
    if matter:
        folders, stems = _folders(root, ("FOF_Subfind", "Sims"), suite, name), CATALOGUE
    else:
        folders, stems = _folders(root, ("Sims",), f"{suite}_DM", name), SNAPSHOT
    missing = [folder / f"{stem}.hdf5" for folder in folders for stem in stems]
    raise DatasetError(
        f"{suite} {name} has its {'dark matter' if matter else 'galaxies'} only; "
        f"looked for {_listed(missing)}"
    )


def _listed(paths: list[Path]) -> str:
    return " or ".join(map(str, paths))
