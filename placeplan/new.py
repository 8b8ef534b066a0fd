"""Starting a study: a folder with study.toml and the headings of every table."""

from collections.abc import Iterator
from pathlib import Path

from geodata.fields import tables
from geodata.problems import BadInput, Problem
from geodata.settings import FILE, Settings, write_settings

FIRST = ("localities", "pupils", "births", "schools", "rolls")


def new_study(folder: Path) -> Iterator[str]:
    """Write study.toml and, under templates/, one CSV a table with its headings; yields what to do next."""
    if folder.is_file():
        raise BadInput([Problem(str(folder), "This is a file, not a folder.", "Name a new folder.")])
    if folder.exists() and any(folder.iterdir()):
        raise BadInput([Problem(str(folder), "The folder is not empty.", "Name a new folder.")])
    (folder / "inputs").mkdir(parents=True)
    (folder / "templates").mkdir()
    write_settings(Settings(name=folder.name, authority=folder.name, base_year="2024/25"), folder / FILE)
    for table in tables().values():
        names = [field.name for field in table.fields.values() if field.type != "geometry"]
        (folder / "templates" / f"{table.name}.csv").write_text(",".join(names) + "\n", encoding="utf-8")
    yield f"{folder / FILE}: give the name, the authority and the base year."
    yield f"{folder / 'templates'}: headings of every table. Copy those you fill into {folder / 'inputs'}:"
    for name in FIRST:
        yield f"  {name}: {tables()[name].meaning}"
    yield f"Then: placeplan check {folder}"
