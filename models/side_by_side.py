"""Who may stand beside whom: which schools may share an executive head, and a trust.

A trust has articles: none of the church, a church minority (a quarter of its members and directors at least), a church
majority, or those of a faith that runs its own trusts. Every school can live under some of them:

    school                                    mixed trust        church-majority   separate trusts
    community, foundation without a faith     none, minority     none, majority    none
    voluntary controlled, church foundation   minority, majority in all three
    voluntary aided, church                   majority           in all three
    Catholic and other faiths of their own    their own only     in all three

A school that is not free to leave its trust lives under that trust's articles. Two may stand together where some
articles suit both; as the sets of a diocese are nested, articles that suit every two suit all. An academy stands for
what it was before. Dioceses, kinds, trusts, consent and land come on top, each a rule of its own. A hard federation of
maintained schools needs no articles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.policy import Policy
from geodata.years import start_year
from models.facilities import CLOSED_FAITHS
from models.powers import ACADEMY, holder

Flags = NDArray[np.bool_]
NONE, MINORITY, MAJORITY = ARTICLES = ("none", "church minority", "church majority")
MIXED, CHURCH_MAJORITY = "mixed trust", "church-majority trust"
FEDERATIONS = "federations"
COFE_WORDS = ("church of england", "anglican")
NO_FAITH = ("", "none", "does not apply", "no religious character", "nan", "<na>")
CATHOLIC = "roman catholic"

# Every rule that may keep two schools apart: its words, and the policy values or fields that settle it.
RULES: Mapping[str, tuple[str, str]] = {
    "consent": ("consent to a cluster is refused, or not known", "schools.consent; policy cluster_consent_unknown"),
    "land": ("who owns the site refuses its use by a trust", "schools.land_consent; Academies Act 2010"),
    "trust": ("two trusts, neither of which lets its school go", "trusts.consent_to_leave; policy trust_leaving"),
    "kind": ("an academy and a maintained school", "policy cluster_across_kinds, cluster_outcome"),
    "faith": ("a faith that runs its own schools, and another", "diocesan practice: Catholic and other faiths' trusts"),
    "diocese": ("two dioceses", "policy cluster_across_dioceses; the bishop's and the board's consent"),
    "articles": ("no articles of a trust suit both", "policy governance_model"),
    "drive": ("too long a drive between them", "policy cluster_pair_max_min"),
}
APART = tuple(RULES)


@dataclass(frozen=True, eq=False)
class Standing:
    """What the rules make of N schools; `broken` (len(APART), N, N) is who breaks which with whom.

    `free` (N,) may leave its trust, or has none; `suits` (N, K) articles it can live under, the K named `articles`;
    `trust` (N,) the trust of today or ""; `notes` what was assumed.
    """

    broken: Flags
    free: Flags
    suits: Flags
    articles: tuple[str, ...]
    trust: NDArray[np.object_]
    notes: tuple[str, ...]

    @cached_property
    def apart(self) -> Flags:
        """(N, N) whether two may not stand together."""
        return np.asarray(self.broken.any(axis=0))

    def between(self, first: int, second: int) -> list[str]:
        """Names of all rules that keep two apart."""
        return [APART[rule] for rule in np.flatnonzero(self.broken[:, first, second])]


def standing(
    schools: pd.DataFrame,
    trusts: pd.DataFrame | None,
    of_trust: pd.DataFrame,
    drive_min: NDArray[np.float64],
    base_year: str,
    policy: Policy,
) -> Standing:
    """Judge every two of `schools` (N rows, as the table of that name); drive minutes (N, N).

    `of_trust` are all schools of the study with trust and religious_character, from which a trust's articles are
    taken where the table `trusts` is silent.
    """
    kind = kinds(schools)
    trust = academy_trusts(schools)
    faith = faiths(schools)
    notes: list[str] = []
    suits, articles = _suits(schools, kind, faith, policy, notes)
    if unnamed := int(((kind == ACADEMY) & (trust == "")).sum()):
        notes.append(
            f"schools.trust: {unnamed} academies without it are taken to be free to join a trust; every academy is in "
            "one, whose consent they would need."
        )
    free = _free(schools, trust, trusts, base_year, policy)
    own = trust_articles(trusts, of_trust, notes)
    kept = (kind == ACADEMY) & ~free
    for n in np.flatnonzero(kept):
        suits[n] = [name == own.get(str(trust[n]), NONE) for name in articles]
    same_trust = (trust[:, None] == trust[None, :]) & (trust[:, None] != "")
    broken = np.zeros((len(APART), len(schools), len(schools)), dtype=bool)
    for name, who in _rules(schools, kind, faith, trust, kept, same_trust, suits, policy):
        broken[APART.index(name)] = who
    broken[APART.index("drive")] = np.maximum(drive_min, drive_min.T) > policy.number("cluster_pair_max_min")
    broken[:, np.arange(len(schools)), np.arange(len(schools))] = False
    return Standing(broken, free, suits, articles, trust, tuple(notes))


def no_shared_head(schools: pd.DataFrame, policy: Policy) -> Flags:
    """(N, N) whether two schools may not federate under one head as they stand, nobody leaving a trust."""
    kind, faith, trust = kinds(schools), faiths(schools), academy_trusts(schools)
    same_trust = (trust[:, None] == trust[None, :]) & (trust[:, None] != "")
    suits = np.ones((len(schools), 1), dtype=bool)  # a federation has no articles of a trust
    federating = Policy({**dict(policy.overrides), "cluster_outcome": FEDERATIONS})
    found = _rules(schools, kind, faith, trust, trust != "", same_trust, suits, federating)
    apart: Flags = np.logical_or.reduce([broken for _, broken in found])
    np.fill_diagonal(apart, False)
    return apart


def _rules(
    schools: pd.DataFrame,
    kind: NDArray[np.object_],
    faith: NDArray[np.object_],
    trust: NDArray[np.object_],
    kept: Flags,
    same_trust: Flags,
    suits: Flags,
    policy: Policy,
) -> list[tuple[str, Flags]]:
    """(rule, (N, N) who breaks it); who stand in one trust today break none but consent."""
    federations = policy.text("cluster_outcome") == FEDERATIONS
    closed = np.array([name in CLOSED_FAITHS for name in faith], dtype=bool)
    academy = kind == ACADEMY
    held = academy if federations else kept  # nobody leaves a trust for a federation
    refused = refusing(schools, policy)
    land = (text(schools, "land_consent") == "refused") & ~academy & (not federations)
    kinds_apart = academy[:, None] != academy[None, :]
    if not federations and policy.text("cluster_across_kinds") == "yes":
        kinds_apart = np.zeros_like(kinds_apart)
    diocese = text(schools, "diocese")
    known = (diocese != "") & (faith != "")
    dioceses = (diocese[:, None] != diocese[None, :]) & known[:, None] & known[None, :]
    if policy.text("cluster_across_dioceses") == "yes":
        dioceses &= closed[:, None] | closed[None, :]
    faiths_apart = (closed[:, None] | closed[None, :]) & (faith[:, None] != faith[None, :])
    articles = ~(suits.astype(np.int8) @ suits.T.astype(np.int8) > 0)
    either = ~same_trust
    return [
        ("consent", refused[:, None] | refused[None, :]),
        ("land", (land[:, None] | land[None, :]) & either),
        ("trust", ~same_trust & held[:, None] & held[None, :]),
        ("kind", kinds_apart & either),
        ("faith", faiths_apart & either),
        ("diocese", dioceses & either & ~faiths_apart),  # where faiths are apart, the rest follows
        ("articles", articles & either & ~faiths_apart & (not federations)),
    ]


def refusing(schools: pd.DataFrame, policy: Policy) -> Flags:
    """(N,) schools that refuse to stand in a cluster, or whose consent is not known where policy wants it known."""
    consent = text(schools, "consent")
    refused: Flags = consent == "refused"
    if policy.text("cluster_consent_unknown") == "no":
        refused = refused | (consent != "given")
    return refused


def text(schools: pd.DataFrame, column: str) -> NDArray[np.object_]:
    """(N,) the column as text, "" where it is blank or not there."""
    if column not in schools:
        return np.full(len(schools), "", dtype=object)
    given, blank = schools[column].astype(str).to_numpy(dtype=object), schools[column].isna().to_numpy()
    return np.where(blank, "", given)


def academy_trusts(schools: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) academy trust of each school, "" of a maintained one: a foundation's co-operative trust runs no academy."""
    trust = text(schools, "trust")
    trust[kinds(schools) != ACADEMY] = ""
    return trust


def kinds(schools: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) academy, voluntary aided, voluntary controlled, foundation or community, by the type in words."""
    given = text(schools, "type")
    known = {words: _kind(words) for words in set(given)}
    return np.array([known[words] for words in given], dtype=object)


def _kind(words: str) -> str:
    named = ("voluntary aided", "voluntary controlled", "foundation")
    if holder(words) == ACADEMY:
        return ACADEMY
    return next((name for name in named if name in words.lower()), "community")


def faiths(schools: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) "", "church of england", a faith that runs its own schools, or another by its own name."""
    given = text(schools, "religious_character")
    known = {words: _faith(words) for words in set(given)}
    return np.array([known[words] for words in given], dtype=object)


def _faith(words: str) -> str:
    low = words.lower().strip()
    if low in NO_FAITH:
        return ""
    if any(word in low for word in COFE_WORDS):
        return COFE_WORDS[0]
    return CATHOLIC if low == "catholic" else low


def _suits(
    schools: pd.DataFrame, kind: NDArray[np.object_], faith: NDArray[np.object_], policy: Policy, notes: list[str]
) -> tuple[Flags, tuple[str, ...]]:
    """(N, K) articles that each school can live under, and their names."""
    own = sorted({name for name in faith if name in CLOSED_FAITHS} | {CATHOLIC})
    articles = (*ARTICLES, *own)
    was = np.where(kind == ACADEMY, _origins(schools), kind)
    model = policy.text("governance_model")
    secular = {NONE} | ({MINORITY} if model == MIXED else {MAJORITY} if model == CHURCH_MAJORITY else set())
    suits = np.zeros((len(schools), len(articles)), dtype=bool)
    guessed = 0
    for n, name in enumerate(faith):
        if name in CLOSED_FAITHS:
            fit = {name}
        elif not name:
            fit = secular
        elif was[n] == "voluntary aided":
            fit = {MAJORITY}
        else:
            fit = {MINORITY, MAJORITY}
            guessed += was[n] == ""
        suits[n] = [article in fit for article in articles]
    if guessed:
        notes.append(
            f"schools.academy_origin: {guessed} church academies without it are taken to have been voluntary "
            "controlled; one that was voluntary aided could stand in church-majority trusts only."
        )
    return suits, articles


def _origins(schools: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) what an academy was: as given, else by what its name still says of it, else ""."""
    given = text(schools, "academy_origin")
    for row, name in enumerate(text(schools, "name")):
        words = name.replace("(", " ").replace(")", " ").lower()
        if given[row] == "" and ("voluntary aided" in words or "va" in words.split()):
            given[row] = "voluntary aided"
    return given


def trust_articles(trusts: pd.DataFrame | None, schools: pd.DataFrame, notes: list[str]) -> dict[str, str]:
    """Articles by trust: as given, else majority where all its schools are the church's, minority where some are."""
    given: dict[str, str] = {}
    if trusts is not None and "articles" in trusts:
        named = trusts[trusts["articles"].notna()]
        given = dict(zip(named["trust"].astype(str), named["articles"].astype(str), strict=True))
    names, faith = academy_trusts(schools), faiths(schools)
    found = {}
    for name in sorted(set(names) - {""}):
        held = faith[names == name]
        closed = [one for one in held if one in CLOSED_FAITHS]
        if len(closed) > len(held) / 2:
            found[name] = str(closed[0])
        elif name not in given:
            church = np.array([one != "" for one in held], dtype=bool)
            found[name] = MAJORITY if church.all() else MINORITY if church.any() else NONE
    if guessed := sum(name not in given for name in found):
        notes.append(f"trusts.articles: those of {guessed} trusts are taken from the faith of their schools here.")
    return given | found


def _free(
    schools: pd.DataFrame,
    trust: NDArray[np.object_],
    trusts: pd.DataFrame | None,
    base_year: str,
    policy: Policy,
) -> Flags:
    """(N,) who may leave its trust: by its consent, and where policy says so after five years or by direction."""
    consent = {}
    if trusts is not None and "consent_to_leave" in trusts:
        consent = dict(zip(trusts["trust"].astype(str), trusts["consent_to_leave"].astype(str), strict=True))
    unknown = policy.text("trust_consent_unknown") == "yes"
    free: Flags = np.array(
        [name == "" or {"given": True, "refused": False}.get(consent.get(name, ""), unknown) for name in trust],
        dtype=bool,
    )
    weak = np.array(
        [str(flag).lower() in ("yes", "true") for flag in text(schools, "in_intervention")], dtype=bool
    ).reshape(len(schools))
    if policy.text("trust_leaving") == "consent or five years":
        since = pd.to_datetime(pd.Series(text(schools, "trust_since")), errors="coerce")
        start = pd.Timestamp(start_year(base_year) + policy.integer("trust_first_joining_years"), 9, 1)
        years = (start - since).dt.days / 365.25
        free |= (years >= policy.integer("trust_leaving_years")).fillna(False).to_numpy() & ~weak
    if policy.text("trust_directed_moves") == "yes":
        free |= weak
    return free
