"""What had become by January 2023 of the primary schools of May 2015: open, converted, replaced, amalgamated, closed.

The closed-school file gives reasons to February 2017. Later fates are inferred by a rule from who stands in 2023, what
the links file says of predecessors, and names, since the file of 2015 has numbers and names but no URN. The rule knows
nothing of rolls and places of 2015, which the score is made of, nor of the closed-school file, against which it is
checked:

1. Open: its number stands in the census of 2023. Authorities that were redrawn are taken together. Converted: the
   same, as an academy that opened since.
2. Else a successor is sought in its authority: a school of 2023 one of whose predecessors, of whatever generation, had
   its name; else a school of its own name that has a new number, or is the other half of an infant and a
   junior and now teaches both; else a predecessor or a primary school with a new number whose name is that of no school
   of 2015 and has all the words of its own, or the other way about, saints apart.
3. Amalgamated: the successor stood in 2015 itself, or follows two or more schools of 2015, or a link to it says merged.
   Replaced (converted, re-brokered or started afresh under a new number): it has any other successor.
4. Closed: it has none.
"""

import re
from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

import pandas as pd

FATES = ("open", "converted", "replaced", "amalgamated", "closed")
OPEN, CONVERTED, REPLACED, AMALGAMATED, CLOSED = FATES
COUNTED = "2015-05-15"  # about when pupils and places of 2015 were counted
REDRAWN = {940: 928, 941: 928, 836: 835, 837: 835, 838: 835, 839: 835}  # Northamptonshire; Dorset, Poole, Bournemouth
RECORDED = {"Closure": CLOSED, "Result of Amalgamation/Merger": AMALGAMATED}  # any other reason: replaced
MERGED = re.compile("merged|amalgam", re.IGNORECASE)
STATUS = re.compile(
    r"\b(the|a|of|and|at|in|schools?|academy|primary|infants?|juniors?|first|lower|nursery|early|years|community"
    r"|voluntary|aided|controlled|va|vc|ce|cofe|rc|catholic|roman|church|england|methodist|foundation|endowed|free|mixed"
    r"|childrens?|centre|jmi|jm)\b"
)
KINDS = {"infant": r"\binfants?\b", "junior": r"\bjuniors?\b", "first": r"\b(first|lower)\b"}

Key = tuple[Hashable, ...]


def read_schools(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Primary schools of May 2015 that had pupils, and every state-funded school of January 2023."""
    then = pd.read_csv(folder / "england/scap_2015_ud1.csv.gz", encoding="cp1252")
    then = then[(then["phase"] == "PS") & (then["may_nor_2015"] > 0)].reset_index(drop=True)
    return then, pd.read_csv(folder / "england/schools_2023.csv.gz", low_memory=False)


def read_closed(folder: Path) -> pd.DataFrame:
    """Columns laestab, reason, of the schools that closed from summer 2015 to February 2017, by date."""
    table = pd.read_csv(folder / "gias/closed_schools_to_2017.csv.gz", encoding="cp1252", low_memory=False)
    table["laestab"] = table["Local authority (code)"] * 10000 + table["Establishment number"]
    table = table[table["Closure date"] >= COUNTED].sort_values("Closure date", kind="stable")
    table = table.rename(columns={"Reason establishment closed": "reason"})
    return table[["laestab", "reason"]].dropna().reset_index(drop=True)


def read_links(folder: Path) -> pd.DataFrame:
    """Columns urn, before (the URN that it follows), name (of that; may be empty), merged."""
    table = pd.read_csv(folder / "gias/links_2025.csv.gz", encoding="cp1252")
    names = table.drop_duplicates("LinkURN").set_index("LinkURN")["LinkName"]
    backward = table.loc[table["LinkType"].str.match("Predecessor|Result"), ["URN", "LinkURN", "LinkType"]]
    forward = table.loc[table["LinkType"].str.match("Successor"), ["LinkURN", "URN", "LinkType"]]
    links = pd.concat([part.set_axis(["urn", "before", "type"], axis=1) for part in (backward, forward)])
    links["merged"] = links["type"].str.contains(MERGED)
    links = links.groupby(["urn", "before"], as_index=False)["merged"].any()
    return links.assign(name=links["before"].map(names).fillna(""))


def number(laestab: pd.Series) -> pd.Series:
    """LAESTAB with one code for authorities that were divided or joined."""
    return (laestab // 10000).replace(REDRAWN) * 10000 + laestab % 10000


def plain(name: str) -> str:
    """A name without faith, status, phase and punctuation, none of which outlasts a conversion."""
    text = re.sub(r"\(.*?\)", " ", name.lower().replace("&", " and ").replace("saint", "st"))
    text = re.sub("[^a-z0-9]+", " ", re.sub("[’'`.]", "", text).replace("c of e", "ce"))
    return " ".join(STATUS.sub(" ", text).split())


def words(name: str) -> set[str]:
    """The words of a plain name, saints apart: they are too many."""
    return set(re.sub(r"\bst [a-z]+", " ", name).split())


def kind(name: str) -> str:
    """Infant, junior or first, where the name says one of them; else primary."""
    said = [found for found, pattern in KINDS.items() if re.search(pattern, name, re.IGNORECASE)]
    return said[0] if len(said) == 1 else "primary"


def fates(then: pd.DataFrame, now: pd.DataFrame, links: pd.DataFrame, closed: pd.DataFrame) -> pd.DataFrame:
    """Columns inferred (by the rule), recorded (nan without) and fate, by the index of `then`.

    `then` has laestab and school_name; `now` those, urn, opendate (of an academy) and the pupils r and y6; the others
    are as read above. A recorded closure or amalgamation stands; what was replaced by 2017 may have closed since, which
    the rule says.
    """
    then = _named(then)
    now = _named(now)
    stands = defaultdict(set)
    for code, name in zip(now["number"], now["plain"], strict=True):
        stands[code].add(name)
    shared = then["number"].duplicated(keep=False)  # by two schools of authorities since joined
    kept = [
        code in stands and (not twice or name in stands[code])
        for code, twice, name in zip(then["number"], shared, then["plain"], strict=True)
    ]
    converted = now.loc[pd.to_datetime(now["opendate"], dayfirst=True) >= COUNTED, "number"]
    inferred = pd.Series(OPEN, index=then.index).where(~then["number"].isin(converted), CONVERTED).where(kept, CLOSED)
    inferred.update(_followed(then[~pd.Series(kept, index=then.index)], then, now, links))
    reasons = closed.drop_duplicates("laestab", keep="last").set_index("laestab")["reason"]
    reason = then["laestab"].map(reasons)
    recorded = reason.map(RECORDED).where(reason.isna() | reason.isin(list(RECORDED)), REPLACED)
    final = recorded.isin([CLOSED, AMALGAMATED]) & ~inferred.isin([OPEN, CONVERTED])
    return pd.DataFrame({"inferred": inferred, "recorded": recorded, "fate": recorded.where(final, inferred)})


def _named(schools: pd.DataFrame) -> pd.DataFrame:
    """With number, authority, plain name and kind."""
    code = number(schools["laestab"])
    names = schools["school_name"]
    return schools.assign(number=code, authority=code // 10000, plain=names.map(plain), kind=names.map(kind))


def _followed(gone: pd.DataFrame, then: pd.DataFrame, now: pd.DataFrame, links: pd.DataFrame) -> pd.Series:
    """Replaced or amalgamated, for those of `gone` that have a successor."""
    alike = then.groupby(["authority", "plain"])["kind"].agg(list)
    stood = set(then["number"])
    predecessors = _predecessors(now, links)
    by_name = now.groupby(["authority", "plain"]).groups
    near = _near_names(now[~now["number"].isin(stood)], predecessors, set(alike.index))
    successor: dict[Hashable, Hashable] = {}
    for row, school in gone.iterrows():
        place, named = school["authority"], (school["authority"], school["plain"])
        keys = _name_keys(school, alike[named])
        found = [at for key in keys for at in sorted(predecessors.get(key, ()))]
        if not found and school["plain"]:
            found = [at for at in by_name.get(named, ()) if _goes_on(school, now.loc[at], stood)]
        if not found and (own := words(school["plain"])):
            found = [at for other, at in near[place] if other <= own or own <= other]
        if found:
            successor[row] = found[0]
    after = pd.Series(successor, dtype=object)
    follow = after.map(after.value_counts())
    merged = links.groupby("urn")["merged"].any()
    together = (
        (follow > 1)
        | after.map(now["number"]).isin(stood)
        | after.map(now["urn"]).map(merged).fillna(False).astype(bool)
    )
    return pd.Series(REPLACED, index=after.index).where(~together, AMALGAMATED)


def _name_keys(school: pd.Series, alike: list[str]) -> list[Key]:
    """What to look a predecessor up by, given the kinds of all schools of 2015 of this name in the authority."""
    named = (school["authority"], school["plain"])
    if not school["plain"] or alike.count(school["kind"]) > 1:
        return [(school["authority"], school["school_name"].lower())]
    keys: list[Key] = [(*named, school["kind"])]
    if "primary" not in alike:
        keys.append((*named, "primary"))
    return [*keys, named] if len(alike) == 1 else keys


def _near_names(
    new: pd.DataFrame, predecessors: dict[Key, set[Hashable]], taken: set[Key]
) -> dict[Hashable, list[tuple[set[str], Hashable]]]:
    """Words and row of `now`, by authority, of new primary schools and of predecessors named like no school of 2015."""
    primary = new[(new["r"] > 0) | (new["y6"] > 0)]
    own = primary[["authority", "plain"]].itertuples(index=False, name=None)
    names = list(zip(own, primary.index, strict=True))
    names += [(key[:2], row) for key, rows in predecessors.items() if len(key) == 3 for row in sorted(rows)]
    near: dict[Hashable, list[tuple[set[str], Hashable]]] = defaultdict(list)
    for (place, name), row in names:
        if (place, name) not in taken and words(name):
            near[place].append((words(name), row))
    return near


def _goes_on(school: pd.Series, other: pd.Series, stood: set[int]) -> bool:
    """Whether a school of 2023 of the same name in the authority is new, or the other half that now teaches both."""
    if other["number"] not in stood:
        return True
    return bool(school["kind"] != "primary" and school["kind"] != other["kind"] and other["r"] > 0 and other["y6"] > 0)


def _predecessors(now: pd.DataFrame, links: pd.DataFrame) -> dict[Key, set[Hashable]]:
    """Rows of `now` by what may be known of a predecessor: its name in the authority, with or without kind."""
    before = {urn: list(rows) for urn, rows in links.groupby("urn")["before"]}
    names = links.drop_duplicates("before").set_index("before")["name"]
    known: dict[Key, set[Hashable]] = defaultdict(set)
    for row, urn, place in zip(now.index, now["urn"], now["authority"], strict=True):
        seen, queue = set(), [urn]
        while queue:
            queue = [other for last in queue for other in before.get(last, ()) if other not in seen]
            seen |= set(queue)
        for name in names[list(seen)]:
            bare = plain(name)
            known[place, name.lower()].add(row)
            known[place, bare, kind(name)].add(row)
            known[place, bare].add(row)
    return known
