"""Readers of published files: `import_folders` makes a study folder of them."""

from geodata.importers.assemble import import_folders
from geodata.importers.report import ImportReport

__all__ = ["ImportReport", "import_folders"]
