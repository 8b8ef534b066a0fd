"""Published facility-location problems as estate problems: OR-Library and Holmberg et al."""

import csv
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from models.estate import EstateProblem

LARGE = {"capa": (8000, 10000, 12000, 14000), "capb": (5000, 6000, 7000, 8000), "capc": (5000, 5750, 6500, 7250)}


def best_known(folder: Path) -> dict[str, float]:
    """The best known value of every instance."""
    with (folder / "best_known.csv").open(newline="") as file:
        return {row["instance"]: float(row["value"]) for row in csv.DictReader(file)}


def read_published(folder: Path, instance: str) -> EstateProblem:
    """An instance by its name: cap41 … cap134, capa8000 … capc7250, p1 … p71."""
    if instance.startswith("cap"):
        family = instance[:4]
        if family in LARGE:
            return read_orlib(folder / "orlib" / f"{family}.txt", float(instance[4:]))
        return read_orlib(folder / "orlib" / f"{instance}.txt")
    return read_holmberg(folder / "holmberg" / instance)


def read_orlib(path: Path, places: float | None = None) -> EstateProblem:
    """m n; places and fixed cost of each facility; each customer's demand and cost of all of it from each.

    In the large files a word or a number stands for the places, which the instance's name gives.
    """
    words = path.read_text().replace("capacity", "nan").split()
    m, n = int(words[0]), int(words[1])
    facilities = np.array(words[2 : 2 + 2 * m], float).reshape(m, 2)
    if places is not None:
        facilities[:, 0] = places
    customers = np.array(words[2 + 2 * m :], float).reshape(n, 1 + m)
    return open_or_closed(facilities, customers[:, 0], customers[:, 1:], single_site=False)


def read_holmberg(path: Path) -> EstateProblem:
    """m n; places and fixed cost of each facility; all demands; all costs, facility by facility."""
    numbers = np.array(path.read_text().split(), float)
    m, n = int(numbers[0]), int(numbers[1])
    facilities, demand, cost = np.split(numbers[2:], [2 * m, 2 * m + n])
    return open_or_closed(facilities.reshape(m, 2), demand, cost.reshape(m, n).T, single_site=True)


def open_or_closed(
    facilities: np.ndarray, demand: np.ndarray, cost_of_all: np.ndarray, single_site: bool
) -> EstateProblem:
    """Each facility is closed or open; a customer without a place costs more than any journey."""
    (n, m), (places, fixed_cost) = cost_of_all.shape, facilities.T
    node, facility = np.divmod(np.arange(n * m), m)
    closed_or_open = np.tile([0.0, 1.0], m)
    return EstateProblem(
        option_facility=np.repeat(np.arange(m), 2),
        option_cost=closed_or_open * np.repeat(fixed_cost, 2),
        option_capacity=(closed_or_open * np.repeat(places, 2))[:, None],
        demand=demand[None],
        arc_node=node,
        arc_facility=facility,
        arc_cost=(cost_of_all / demand[:, None]).reshape(1, -1),
        unmet_cost=np.full((1, n), 10 * (cost_of_all / demand[:, None]).max()),
        row_matrix=csr_matrix((0, 2 * m)),
        row_lower=[],
        row_upper=[],
        single_site=single_site,
    )
