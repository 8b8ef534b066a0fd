"""study.toml: the name, authority, years and policies of a study."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geodata.policy import Policy, Value, read_policy
from geodata.problems import Problem, nearest
from geodata.years import parse_academic_year

FILE = "study.toml"
STUDY_KEYS = (
    "name",
    "authority",
    "base_year",
    "horizon_years",
    "pupils",
    "crs",
    "attribution",
    "map_tiles",
    "map_tiles_credit",
    "previous",
)
BASE_SCENARIO = "base"
TILES = re.compile(r"https://[A-Za-z0-9.:-]+/[A-Za-z0-9_./?=&{}@%~-]*")  # its host stands in the pages' security policy
SCENARIO_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")  # it names a folder of results


@dataclass(frozen=True)
class Settings:
    """What study.toml says.

    Attributes
    ----------
    base_year : latest academic year with pupils.
    horizon_years : academic years forecast and planned after the base year.
    attribution : whose data the pages must name; blank for the open licences of the published files.
    map_tiles : address of an online background that readers of maps may tick; blank for none.
    map_tiles_credit : whose map that is, as its licence asks.
    pupils : "on_roll" (pupils at the authority's schools) or "resident" (pupils living in its localities).
    previous : folder of last year's study, relative to this one's; blank where there is none.
    policy : values laid over the defaults in every scenario.
    scenarios : further values by scenario, laid over `policy`.

    """

    name: str
    authority: str
    base_year: str
    horizon_years: int = 7
    pupils: str = "on_roll"
    crs: str = "EPSG:27700"
    attribution: str = ""
    map_tiles: str = ""
    map_tiles_credit: str = ""
    previous: str = ""
    policy: Mapping[str, Value] = field(default_factory=dict)
    scenarios: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def policy_for(self, scenario: str = BASE_SCENARIO) -> Policy:
        """Policy of a scenario; KeyError if study.toml has no such scenario."""
        over = {} if scenario == BASE_SCENARIO else self.scenarios[scenario]
        return Policy({**self.policy, **over})


def read_settings(path: Path) -> tuple[Settings | None, list[Problem]]:
    """Settings from study.toml and all that is wrong with them; None where they cannot be used."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None, [Problem(FILE, "The file is missing.", "`placeplan new DIR` writes one to start from.")]
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        return None, [Problem(FILE, f"The file is not valid TOML: {error}.", "Mend that line.")]
    problems = [
        Problem(FILE, f"[{key}] is not a section.", nearest(key, ("study", "policy", "scenario")), field=key)
        for key in raw
        if key not in ("study", "policy", "scenario")
    ]
    sections: dict[str, dict[str, Any]] = {}
    for key in ("study", "policy", "scenario"):
        value = raw.get(key, {})
        if not isinstance(value, dict):
            problems.append(Problem(FILE, f"{key} is not a section.", f"Write [{key}] above its keys.", field=key))
            value = {}
        sections[key] = value
    given = sections["study"]
    problems += [
        Problem(FILE, f"[study] {key}: there is no such key.", nearest(key, STUDY_KEYS), field=key)
        for key in given
        if key not in STUDY_KEYS
    ]
    problems += _study_problems(given) + _previous_problems(given.get("previous", ""), path.parent)
    policy, wrong = read_policy(sections["policy"], "policy")
    problems += wrong
    scenarios = {}
    for name, values in sections["scenario"].items():
        if not isinstance(values, dict):
            problems.append(Problem(FILE, f"[scenario] {name} is not a section.", f"Write [scenario.{name}]."))
            continue
        scenarios[name], wrong = read_policy(values, f"scenario.{name}")
        problems += _scenario_name_problems(name) + wrong
    if any(p.field in STUDY_KEYS for p in problems):
        return None, problems
    settings = Settings(
        name=str(given["name"]),
        authority=str(given.get("authority", given["name"])),
        base_year=str(parse_academic_year(given["base_year"])),
        horizon_years=given.get("horizon_years", 7),
        pupils=given.get("pupils", "on_roll"),
        crs=given.get("crs", "EPSG:27700"),
        attribution=str(given.get("attribution", "")),
        map_tiles=given.get("map_tiles", ""),
        map_tiles_credit=str(given.get("map_tiles_credit", "")),
        previous=given.get("previous", ""),
        policy=policy,
        scenarios=scenarios,
    )
    return settings, problems


def _scenario_name_problems(name: str) -> list[Problem]:
    where = f"scenario.{name}"
    if name.lower() == BASE_SCENARIO:
        what = f"[{where}]: {BASE_SCENARIO} is the scenario without a name."
        return [
            Problem(FILE, what, "Lay its values over the defaults in [policy], or give it another name.", None, where)
        ]
    if not SCENARIO_NAME.fullmatch(name):
        what = f"[scenario] {name!r} cannot name a folder of results."
        return [Problem(FILE, what, "Use letters without accents, digits, - and _, at most 80.", None, where)]
    return []


def _study_problems(given: Mapping[str, Any]) -> list[Problem]:
    problems = []

    def wrong(key: str, what: str, mend: str) -> None:
        problems.append(Problem(FILE, f"[study] {key}: {what}", mend, field=key))

    for key in ("name", "base_year"):
        if key not in given:
            wrong(key, "missing.", f"Add {key} under [study].")
    if "base_year" in given and parse_academic_year(given["base_year"]) is None:
        wrong("base_year", f"{given['base_year']!r} is not an academic year.", 'Write it as "2022/23".')
    horizon = given.get("horizon_years", 7)
    if isinstance(horizon, bool) or not isinstance(horizon, int) or not 1 <= horizon <= 20:
        wrong("horizon_years", f"{horizon!r} is not a number of years.", "Give a whole number from 1 to 20.")
    if given.get("pupils", "on_roll") not in ("on_roll", "resident"):
        wrong("pupils", f"{given['pupils']!r} is neither on_roll nor resident.", "Give on_roll or resident.")
    tiles = given.get("map_tiles", "")
    if tiles and not (isinstance(tiles, str) and TILES.fullmatch(tiles) and all(f"{{{at}}}" in tiles for at in "zxy")):
        mend = 'Write it as "https://HOST/{z}/{x}/{y}.png", as its maker gives it.'
        wrong("map_tiles", f"{tiles!r} is not an address of map tiles.", mend)
    if tiles and not given.get("map_tiles_credit"):
        wrong("map_tiles_credit", "missing.", "Say whose map it is, as its licence asks.")
    if given.get("crs", "EPSG:27700") != "EPSG:27700":
        wrong("crs", f"{given['crs']!r} is not supported.", 'Use "EPSG:27700", the British National Grid.')
    return problems


def _previous_problems(previous: object, folder: Path) -> list[Problem]:
    """What is wrong with the path from a study's folder to last year's study."""
    if previous == "":
        return []

    def wrong(what: str, mend: str) -> list[Problem]:
        return [Problem(FILE, f"[study] previous: {what}", mend, field="previous")]

    if not isinstance(previous, str):
        return wrong(f"{previous!r} is not a folder.", 'Give the path from this study to it, as in "../2022".')
    if Path(previous).is_absolute():
        return wrong(f"{previous} begins at the root.", 'Give the path from this study to it, as in "../2022".')
    there = folder / previous
    try:
        found = (there / FILE).is_file()
    except OSError:  # a name too long for any folder
        found = False
    if not found:
        return wrong(f"there is no study in {previous}: no {FILE}.", "Correct the path, or take the line out.")
    if there.resolve() == folder.resolve():
        return wrong(f"{previous} is this study itself.", "Give the folder of last year's, or take the line out.")
    return []


def write_settings(settings: Settings, path: Path) -> None:
    """Write study.toml."""
    lines = ["[study]"]
    lines += [f"{key} = {_toml(getattr(settings, key))}" for key in STUDY_KEYS]
    lines += ["", "[policy]", *(f"{key} = {_toml(value)}" for key, value in settings.policy.items())]
    for name, values in settings.scenarios.items():
        lines += ["", f"[scenario.{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
