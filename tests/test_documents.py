"""What the documents say must be what the program does."""

import re
from pathlib import Path

import pytest

from geodata.fields import packaged_csv, tables
from geodata.policy import Policy, policy_items
from placeplan.cli import app
from placeplan.dictionary import markdown

ROOT = Path(__file__).resolve().parents[1]
STATUSES = {"statute", "published", "practice", "assumption", "proposal"}


def test_the_data_dictionary_is_that_of_the_program() -> None:
    """Run `python -m placeplan.dictionary > docs/data.md` after changing a field or a policy value."""
    assert (ROOT / "docs/data.md").read_text(encoding="utf-8") == markdown()


def test_every_field_and_policy_value_is_whole() -> None:
    """A number without a unit or a status cannot be defended before a committee."""
    assert set(packaged_csv("fields.csv")["table"]) == set(tables()), "a field of a table that is not listed is lost"
    for table in tables().values():
        assert table.fields, f"{table.name} has no fields"
        for field in table.fields.values():
            assert field.meaning, f"{table.name}.{field.name}"
    for item in policy_items().values():
        assert item.meaning and item.status in STATUSES, item.key
        assert item.source or item.status in ("assumption", "practice"), item.key
        if item.type in ("number", "integer") and item.default is not None:
            value = Policy({}).number(item.key)
            assert item.minimum is None or value >= item.minimum, item.key
            assert item.maximum is None or value <= item.maximum, item.key


def test_every_policy_value_is_used() -> None:
    """A policy nobody reads would be changed in vain."""
    rooms = ("geodata", "models", "placeplan", "solvers", "maps")
    code = "\n".join(path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py"))
    unused = [key for key in policy_items() if not _read(key, code)]
    assert unused == []


def _read(key: str, code: str) -> bool:
    patterns = [
        key,
        re.sub("primary|secondary", "{phase}", key),
        re.sub("(expand|new|temporary)_(primary|secondary)", "{kind}_{phase}", key),
    ]
    return any(f'"{pattern}"' in code for pattern in patterns) or key.startswith("drive_kmh_")


@pytest.mark.parametrize("document", ["README.md", "docs/importing.md", "docs/data_out.md"])
def test_commands_in_the_documents_exist(document: str) -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
    named = set(re.findall(r"^    placeplan ([a-z]+)", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= known, "a document names a command that does not exist"


def test_no_document_names_a_closure_of_a_real_school() -> None:
    """Closures are shown for the sample county only."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", ROOT / "docs/method.md"])
    assert not re.search(r"\b1[0-4]\d{4}\b", text), "a real URN stands in the documents"
