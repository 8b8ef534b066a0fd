"""Every number a decision rests on: its default, unit, source and status, and what a study lays over it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from types import MappingProxyType

from geodata.fields import packaged_csv
from geodata.problems import Problem, nearest

Value = float | int | str | tuple[float | str, ...] | None
LISTS = ("list", "numbers", "weights")
FLAGS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


@dataclass(frozen=True)
class PolicyItem:
    """One policy value as shipped.

    Attributes
    ----------
    type : number, integer, text, choice (one of `choices`), flag ("yes" or "no"), date (2015-06-30), day (of any year,
        02-28), list (of codes), numbers (a list of them) or weights (numbers of which the first is above 0).
    minimum, maximum : of the number, or of each number in the list.

    """

    key: str
    default: Value
    unit: str
    type: str
    minimum: float | None
    maximum: float | None
    status: str
    meaning: str
    source: str
    choices: tuple[str, ...] = ()


@cache
def policy_items() -> Mapping[str, PolicyItem]:
    """Every policy value by key, in the order of the list."""
    items = {}
    for row in packaged_csv("policy.csv").to_dict("records"):
        kind, _, choices = row["type"].partition(": ")  # "choice: one|another"
        items[row["key"]] = PolicyItem(
            key=row["key"],
            default=_parse(row["default"], kind),
            unit=row["unit"],
            type=kind,
            minimum=float(row["minimum"]) if row["minimum"] else None,
            maximum=float(row["maximum"]) if row["maximum"] else None,
            status=row["status"],
            meaning=row["meaning"],
            source=row["source"],
            choices=tuple(choices.split("|")) if choices else (),
        )
    return MappingProxyType(items)


def _parse(text: str, kind: str) -> Value:
    if kind in LISTS:
        return tuple(_atom(part) for part in text.split("|") if part)
    if not text:
        return None
    if kind == "integer":
        return int(text)
    return float(text) if kind == "number" else text


def _atom(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Policy:
    """Policy values of one scenario: the defaults with the study's own laid over them.

    `read` gathers the keys that have been asked for, so that a stage can say which values it rests on.
    """

    overrides: Mapping[str, Value]
    read: set[str] = field(default_factory=set, compare=False, repr=False)

    def value(self, key: str) -> Value:
        """The value of `key`; KeyError if there is no such policy."""
        item = policy_items()[key]
        self.read.add(key)
        return self.overrides.get(key, item.default)

    def number(self, key: str) -> float:
        """The value of a policy that must be a number."""
        value = self.value(key)
        if not isinstance(value, int | float):
            raise TypeError(f"policy {key} is {value!r}, not a number")
        return float(value)

    def integer(self, key: str) -> int:
        """The value of a policy that must be a whole number."""
        return int(self.number(key))

    def text(self, key: str) -> str:
        """The value of a policy that must be text."""
        value = self.value(key)
        if not isinstance(value, str):
            raise TypeError(f"policy {key} is {value!r}, not text")
        return value

    def optional_number(self, key: str) -> float | None:
        """The value, or None where the policy is blank (no limit)."""
        return None if self.value(key) is None else self.number(key)

    def optional_date(self, key: str) -> date | None:
        """The day, or None where the policy is blank."""
        return None if self.value(key) is None else date.fromisoformat(self.text(key))

    def day(self, key: str) -> tuple[int, int]:
        """Month and day of a policy that is a day of any year."""
        month, day = self.text(key).split("-")
        return int(month), int(day)

    def numbers(self, key: str) -> tuple[float, ...]:
        """The values of a policy that is a list of numbers."""
        value = self.value(key)
        if not isinstance(value, tuple):
            raise TypeError(f"policy {key} is {value!r}, not a list")
        return tuple(float(part) for part in value)

    def by_phase(self, key: str, phase: str) -> float:
        """Give the value of the policy named `key` with {phase} filled in, as in journey_max_{phase}_min."""
        return self.number(key.format(phase=phase))

    def drive_kmh(self) -> dict[str, float]:
        """Driving speed in km/h by OSM highway class, with "other" for the rest."""
        prefix = "drive_kmh_"
        return {key.removeprefix(prefix): self.number(key) for key in policy_items() if key.startswith(prefix)}


def read_policy(given: Mapping[str, object], section: str) -> tuple[dict[str, Value], list[Problem]]:
    """Policy values as a study gives them in [section] of study.toml, and what is wrong with them."""
    values: dict[str, Value] = {}
    problems: list[Problem] = []

    def wrong(key: str, what: str, mend: str) -> None:
        problems.append(Problem("study.toml", f"[{section}] {key}: {what}", mend, field=key))

    items = policy_items()
    for key, value in given.items():
        item = items.get(key)
        if item is None:
            wrong(key, "there is no such policy value.", nearest(key, list(items)))
            continue
        what, mend = _fault(value, item)
        if what:
            wrong(key, what, mend)
        elif item.type == "date":
            values[key] = str(value)
        elif item.type == "flag":
            values[key] = FLAGS[str(value).strip().lower()]
        else:
            values[key] = tuple(value) if isinstance(value, list) else value  # type: ignore[assignment]
    return values, problems


def _fault(value: object, item: PolicyItem) -> tuple[str, str]:
    """What is wrong with a value and what would mend it; two empty texts where nothing is."""
    if item.type in LISTS:
        return _list_fault(value, item)
    if item.type == "flag":
        known = isinstance(value, bool | str) and str(value).strip().lower() in FLAGS
        return ("", "") if known else (f"{value!r} is neither yes nor no.", 'Give "yes" or "no".')
    if item.type == "choice":
        known = isinstance(value, str) and value in item.choices
        return ("", "") if known else (f"{value!r} cannot be chosen.", f"Use one of: {', '.join(item.choices)}.")
    if item.type == "date":
        return ("", "") if _is_date(value) else (f"{value!r} is not a date.", "Write it as 2015-06-30.")
    if item.type == "day":
        shaped = isinstance(value, str) and re.fullmatch(r"\d\d-\d\d", value) is not None
        return (
            ("", "")
            if shaped and _is_date(f"2001-{value}")
            else (f"{value!r} is not a day of the year.", "Write month and day, as in 02-28.")
        )
    if item.type == "text":
        return ("", "") if isinstance(value, str) else (f"{value!r} is not text.", "Write it in quotation marks.")
    return _number_fault(value, item)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str | date) and date.fromisoformat(str(value)) is not None
    except ValueError:
        return False


def _list_fault(value: object, item: PolicyItem) -> tuple[str, str]:
    if not isinstance(value, list):
        return f"{value!r} is not a list.", "Write it in square brackets, as in [3, 2, 1]."
    if item.type == "list":
        other = [part for part in value if isinstance(part, bool) or not isinstance(part, int | float | str)]
        return (f"{other[0]!r} is no code.", "List numbers or texts.") if other else ("", "")
    for part in value:
        what, mend = _number_fault(part, item)
        if what:
            return what, mend
    if item.type == "weights" and not (value and value[0] > 0):
        return f"{value!r} gives the latest year no weight.", "The first weight must be above 0, as in [3, 2, 1]."
    return "", ""


def _number_fault(value: object, item: PolicyItem) -> tuple[str, str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is not a number.", f"Give a number in {item.unit or 'no unit'}."
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not a finite number.", f"Give a number in {item.unit or 'no unit'}."
    if item.type == "integer" and value != int(value):
        return f"{value!r} is not a whole number.", "Give a whole number."
    low = -math.inf if item.minimum is None else item.minimum
    high = math.inf if item.maximum is None else item.maximum
    if not low <= value <= high:
        return f"{value!r} is out of range.", f"Give {_range(item)} {item.unit}".rstrip() + "."
    return "", ""


def _range(item: PolicyItem) -> str:
    if item.maximum is None:
        return f"at least {item.minimum:g}"
    return f"{item.minimum or 0:g} to {item.maximum:g}"


def shown(value: Value) -> str:
    """A policy value as a page shows it: "none" where there is none, lists with commas."""
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(shown(part) for part in value)
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else str(value)
