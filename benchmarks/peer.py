"""What a competent user would write: the whole strong programme from numpy arrays to HiGHS, as it comes."""

import highspy
import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, hstack, vstack

from models.estate import EstateProblem


def solve_whole(problem: EstateProblem, time_s: float, gap: float) -> dict:
    """Objective and bound of HiGHS within the time; one-stage problems."""
    p = problem
    s, arc = np.nonzero(p.demand[:, p.arc_node] > 0)
    us, node = np.nonzero(p.demand > 0)
    pupils = p.demand[s, p.arc_node[arc]]
    n_x, n_u, n_o = len(s), len(us), p.n_options
    cost = np.concatenate([
        p.option_cost,
        pupils * p.arc_cost[s if len(p.arc_cost) > 1 else 0, arc],
        (p.demand * p.unmet_cost)[us, node],
    ])  # fmt: skip
    one = csr_matrix((np.ones(n_o), (p.option_facility, np.arange(n_o))), shape=(p.n_facilities, n_o))
    place = np.full(p.demand.shape, -1)
    place[us, node] = np.arange(n_u)
    leave = csr_matrix((np.ones(n_x), (place[s, p.arc_node[arc]], np.arange(n_x))), shape=(n_u, n_x))
    n_places = p.n_slices * p.n_facilities
    into = s * p.n_facilities + p.arc_facility[arc]
    arrive = csr_matrix((pupils, (into, np.arange(n_x))), shape=(n_places, n_x))
    of, ofs = np.nonzero(p.option_capacity > 0)
    at = ofs * p.n_facilities + p.option_facility[of]
    places = csr_matrix((p.option_capacity[of, ofs], (at, of)), shape=(n_places, n_o))
    usable = csr_matrix((np.ones(len(of)), (at, of)), shape=(n_places, n_o))

    def wide(z: object, x: object, u: object, height: int) -> csr_matrix:
        widths = (n_o, n_x, n_u)
        return hstack([coo_matrix((height, w)) if m is None else m for m, w in zip((z, x, u), widths, strict=True)])

    rows = vstack([
        wide(one, None, None, p.n_facilities),
        wide(None, leave, _unit(n_u), n_u),
        wide(-places, arrive, None, n_places),
        wide(-usable[into], _unit(n_x), None, n_x),
        wide(p.row_matrix, None, None, p.n_rows),
    ], format="csc")  # fmt: skip
    below = [np.ones(p.n_facilities), np.ones(n_u), np.full(n_places + n_x, -np.inf), p.row_lower]
    above = [np.ones(p.n_facilities), np.ones(n_u), np.zeros(n_places + n_x), p.row_upper]
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.zeros(len(cost)), np.ones(len(cost))
    lp.row_lower_, lp.row_upper_ = np.concatenate(below), np.concatenate(above)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = rows.indptr.astype(np.int32), rows.indices.astype(np.int32)
    lp.a_matrix_.value_ = rows.data
    whole, shares = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    lp.integrality_ = [whole] * n_o + [whole if p.single_site else shares] * (n_x + n_u)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", time_s)
    highs.setOptionValue("mip_rel_gap", gap)
    highs.passModel(lp)
    highs.run()
    info = highs.getInfo()
    return {
        "route": "HiGHS",
        "status": "plan" if info.primal_solution_status == 2 else "none",
        "objective": info.objective_function_value,
        "bound": info.mip_dual_bound,
    }


def _unit(n: int) -> csr_matrix:
    return csr_matrix((np.ones(n), (np.arange(n), np.arange(n))), shape=(n, n))
