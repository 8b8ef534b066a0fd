"""The house has five rooms; an arrow that is not in the table of who may import whom must not exist."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("geodata", "models", "solvers", "maps", "placeplan")
MAY_SEE = {
    "geodata": set(),
    "models": {"geodata"},
    "maps": {"geodata"},
    "solvers": {"models.estate", "models.clusters", "models.awards", "models.award_rules"},
    "placeplan": {"geodata", "models", "maps", "solvers"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def arrows(room: str) -> list[str]:
    """Imports of a room that point to another room and are not allowed."""
    wrong = []
    for path in (ROOT / room).rglob("*.py"):
        for name in imports(path):
            other = name.split(".")[0]
            if other not in ROOMS or other == room:
                continue
            allowed = any(name == seen or name.startswith(f"{seen}.") for seen in MAY_SEE[room])
            # "from models import estate" is seen as models and models.estate; the bare package holds nothing.
            parent = any(seen.startswith(f"{name}.") for seen in MAY_SEE[room])
            if not allowed and not parent:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    return wrong


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_points_upwards(room: str) -> None:
    assert arrows(room) == []


def test_the_reader_of_imports_sees_every_form(tmp_path: Path) -> None:
    source = "import models.estate\nfrom maps import page\ndef late():\n    from solvers.plans import EstatePlan\n"
    (tmp_path / "a.py").write_text(source)
    assert {"models.estate", "maps.page", "solvers.plans"} <= imports(tmp_path / "a.py")


def test_packages_are_listed_for_installation() -> None:
    """A folder that is not in pyproject.toml's list would be missing from an installed placeplan."""
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {
        ".".join(path.parent.relative_to(ROOT).parts) for room in ROOMS for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(listed) == there
