"""What of a ground for closing is counted and what is only modelled: shadow budgets are no account of any school."""

from __future__ import annotations

import re
from typing import Any

from models.grounds import QUALITY, SUSTAINABILITY
from placeplan.report.facts import Facts

MODELLED = re.compile(rf"(?:; )?{SUSTAINABILITY}: .*?(?=; {QUALITY}: |$)")


def counted_ground(ground: Any) -> str:
    """A ground, or a reason that repeats one, without its modelled part; "" where nothing else is left."""
    return MODELLED.sub("", str(ground or "")).removeprefix("; ")


def model_words(facts: Facts, key: str) -> str:
    """The modelled score and reserves of a school, said to be that, with how many schools the model finds in deficit.

    "" where the ground for closing does not rest on them.
    """
    found = next((row for row in facts.rows("grounds") if str(row["urn"]) == key), {})
    if SUSTAINABILITY not in str(found.get("ground") or ""):
        return ""
    said = []
    if found.get("score") is not None:
        said.append(f"a score of {found['score']:.0f} of 100 for how well the school can sustain itself")
    lowest = found.get("lowest_reserves_gbp")
    if lowest is not None and lowest < 0:
        said.append(f"reserves that fall to −£{-lowest:,.0f}")
    if found.get("first_deficit_year"):
        said.append(f"a deficit from {found['first_deficit_year']}")
    told = f"Modelled, not the school's accounts: {', '.join(said) or 'a low score'}."
    every = facts.rows("grounds")
    short = sum(bool(row.get("first_deficit_year")) for row in every)
    if not short:
        return told
    return (
        f"{told} The model applies one set of assumed costs to every school; by it {short:,} of {len(every):,} schools "
        "run a deficit in some year, so a modelled deficit does not set this school apart."
    )
