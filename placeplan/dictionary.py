"""The data dictionary and the list of policy values as Markdown: `python -m placeplan.dictionary > docs/data.md`."""

from collections.abc import Iterable

from geodata.fields import Field, tables
from geodata.policy import policy_items, shown
from geodata.tables import data_dictionary

HEAD = """# Data dictionary

Made from the same lists that read and check a study (`geodata/fields.csv`, `geodata/policy.csv`). A table is one file
in `inputs/`: CSV, Parquet, GeoPackage or GeoJSON, named after the table. Columns in **bold** are required, those
marked with a key name a row. Blank cells take the default. Where a number may be suppressed, a blank cell and the
symbols c, x, z, low, * and : are read as not known, which is not 0.

## Tables
"""


def markdown() -> str:
    """The whole page."""
    parts = [HEAD]
    parts += [
        f"- [{name}](#{name}): {table.meaning} Needed for {table.needed_for}." for name, table in tables().items()
    ]
    parts.append("- roads: streets as .osm, .osm.pbf, .graphml or an edge table; read once and cached.\n")
    for table, fields in data_dictionary():
        rows = [
            (
                f"**{field.name}**" if field.required else field.name,
                field.type + (" (key)" if field.key else ""),
                field.unit,
                field.default,
                _meaning(field),
                field.source,
            )
            for field in fields
        ]
        heads = ("Column", "Type", "Unit", "Default", "Meaning", "Source")
        parts += [f"### {table.name}\n", f"{table.meaning}\n", *_table(heads, rows), ""]
    parts += [
        "## Policy values\n",
        "Laid over in `study.toml`: `[policy]` for every scenario, `[scenario.NAME]` for one.\n",
    ]
    heads = ("Key", "Default", "Unit", "Status", "Meaning", "Source")
    parts += _table(
        heads,
        [(f"`{i.key}`", shown(i.default), i.unit, i.status, i.meaning, i.source) for i in policy_items().values()],
    )
    return "\n".join(parts) + "\n"


def _meaning(field: Field) -> str:
    choice = f" One of: {', '.join(field.allowed)}." if field.allowed else ""
    return field.meaning + choice + ("; may be suppressed" if field.suppressed else "")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    heads = list(heads)
    return [line(heads), line("---" for _ in heads), *(line(row) for row in rows)]


if __name__ == "__main__":
    print(markdown(), end="")
