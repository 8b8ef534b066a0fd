"""The register of schools, GIAS (edubasealldata): what a school is, where it stands and who runs it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geodata.importers.authority import Authority
from geodata.importers.census import SchoolFile
from geodata.importers.report import count
from geodata.importers.sources import Source, codes, numbers, words

FACTS = {
    "name": "establishmentname",
    "grouping": "phaseofeducationname",
    "type": "typeofestablishmentname",
    "type_group": "establishmenttypegroupname",
    "low_age": "statutorylowage",
    "high_age": "statutoryhighage",
    "gender": "gendername",
    "religious_character": "religiouscharactername",
    "diocese": "diocesename",
    "admissions_policy": "admissionspolicyname",
    "trust": "trustsname",
    "federation": "federationsname",
    "urban_rural": "urbanruralname",
    "locality": "lsoacode",
    "postcode": "postcode",
    "easting": "easting",
    "northing": "northing",
    "capacity": "schoolcapacity",
}
SEN_PLACES = ("resourcedprovisioncapacity", "senunitcapacity")
OPEN = ("open", "open, but proposed to close")
STATE_FUNDED = ("local authority maintained schools", "academies", "free schools", "special schools")
OTHERS = "independent|non-maintained"


def read_gias(source: Source, authority: Authority) -> SchoolFile:
    """The authority's open state-funded schools."""
    keys = ["urn", "lacode", "establishmentnumber", "establishmentstatusname"]
    frame = source.read([*keys, *FACTS.values(), *SEN_PLACES], where=("laname", {authority.plain}))
    frame["urn"] = codes(frame["urn"])
    frame = frame.dropna(subset=["urn"]).drop_duplicates("urn").set_index("urn")
    is_open = frame["establishmentstatusname"].str.lower().isin(OPEN)
    facts = frame[[c for c in FACTS.values() if c in frame]]
    facts = facts.rename(columns={plain: name for name, plain in FACTS.items()}).apply(words)
    group = facts.get("type_group", pd.Series("", index=facts.index)).fillna("").str.lower()
    state = (group.isin(STATE_FUNDED) | (group == "")) & ~facts["type"].fillna("").str.lower().str.contains(OTHERS)
    facts["laestab"] = _laestab(frame)
    facts["capacity"] = numbers(facts["capacity"].fillna("")) if "capacity" in facts else np.nan
    facts["sen_places"] = frame[[c for c in SEN_PLACES if c in frame]].apply(numbers).sum(axis=1, min_count=1)
    for age in ("low_age", "high_age"):
        facts[age] = numbers(facts[age].fillna("")) if age in facts else np.nan
    notes = []
    if (~is_open).any():
        notes.append(f"{source.label}: {count(int((~is_open).sum()), 'school')} closed or not yet open, left out.")
    if (is_open & ~state).any():
        what = count(int((is_open & ~state).sum()), "establishment")
        notes.append(f"{source.label}: {what} left out; only state-funded schools are planned.")
    facts = facts[is_open & state]
    return SchoolFile(source.label, None, facts, pd.DataFrame(index=facts.index, dtype=float), notes)


def _laestab(frame: pd.DataFrame) -> pd.Series:
    """Authority and establishment number in one: 857 and 2000 → "8572000"."""
    authority, number = codes(frame["lacode"]), codes(frame["establishmentnumber"])
    return authority.str.zfill(3) + number.str.zfill(4)
