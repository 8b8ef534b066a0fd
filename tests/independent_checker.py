"""Feasibility and cost of any plan from the arrays alone; imports nothing of the solvers."""

import numpy as np

TOLERANCE = 1e-6


def _close(name, told, found):
    assert abs(told - found) <= TOLERANCE * max(1.0, abs(found)), f"{name} is {found}, the plan says {told}"


def _check_gap(plan):
    assert plan.bound <= plan.objective + TOLERANCE * max(1.0, abs(plan.objective)), "the bound is above the plan"
    gap = 0.0 if plan.objective == plan.bound else (plan.objective - plan.bound) / abs(plan.objective or np.nan)
    assert np.isnan(gap) or abs(plan.gap - gap) <= 1e-9, f"the gap is {gap}, the plan says {plan.gap}"


def check_estate(problem, plan):
    option, flow, unmet, p = plan.option, plan.flow, plan.unmet, problem
    facilities = np.arange(p.option_facility.max() + 1)
    assert np.array_equal(p.option_facility[option], facilities), "a facility follows another's option"
    level = p.row_matrix.toarray()[:, option].sum(axis=1)
    slack = TOLERANCE * np.maximum(1.0, np.abs(level))
    assert np.all(level >= p.row_lower - slack) and np.all(level <= p.row_upper + slack), "a policy row is broken"
    assert flow.min(initial=0) >= -TOLERANCE and unmet.min(initial=0) >= -TOLERANCE, "a share is negative"
    cost = p.option_cost[option].sum() + (p.demand * p.unmet_cost * unmet).sum()
    for s in range(p.demand.shape[0]):
        total = np.bincount(p.arc_node, flow[s], minlength=p.demand.shape[1]) + unmet[s]
        assert np.allclose(total, 1.0, rtol=0, atol=TOLERANCE), f"shares in slice {s} do not sum to 1"
        pupils = p.demand[s, p.arc_node] * flow[s]
        load = np.bincount(p.arc_facility, pupils, minlength=len(facilities))
        places = p.option_capacity[option, s]
        assert np.all(load <= places + TOLERANCE * np.maximum(1.0, places)), (
            f"a facility is over its places in slice {s}"
        )
        cost += (pupils * p.arc_cost[s % len(p.arc_cost)]).sum()
    if p.single_site:
        assert np.all(np.isin(flow, (0.0, 1.0))) and np.all(np.isin(unmet, (0.0, 1.0))), "a node is split"
    _close("the cost", plan.objective, cost)
    _check_gap(plan)


def check_clusters(problem, plan):
    p, lead = problem, plan.lead
    member, alone = np.flatnonzero(lead >= 0), np.flatnonzero(lead < 0)
    assert p.alone_cost is not None or not len(alone), "a node stands alone"
    price = {(a, b): c for a, b, c in zip(p.arc_lead, p.arc_member, p.arc_cost, strict=True)}
    pairs = [(lead[n], n) for n in member]
    assert all(pair in price for pair in pairs), "a node is led by one who may not lead it"
    leads = np.unique(lead[member])
    assert np.all(lead[leads] == leads), "a lead is not in its own cluster"
    assert p.n_clusters is None or len(leads) == p.n_clusters, f"{len(leads)} clusters, not {p.n_clusters}"
    for one in leads:
        nodes = np.flatnonzero(lead == one)
        weight = p.weight[nodes].sum()
        assert p.min_weight - TOLERANCE <= weight <= p.max_weight + TOLERANCE, f"cluster {one} weighs {weight}"
        most = np.inf if p.max_members is None else p.max_members
        assert p.min_members <= len(nodes) <= most, f"cluster {one} has {len(nodes)} members"
        if p.neighbours is not None:
            reached = {int(one)}
            for _ in nodes:
                reached |= {int(b) for a, b in [*p.neighbours, *p.neighbours[:, ::-1]] if a in reached and b in nodes}
            assert reached == set(nodes.tolist()), f"cluster {one} is not connected"
    for a, b in p.apart if p.apart is not None else []:
        assert lead[a] < 0 or lead[a] != lead[b], f"{a} and {b} stand together"
    cost = p.lead_cost[leads].sum() + sum(price[pair] for pair in pairs)
    for row in p.rows:
        for one in leads:
            total = sum(row.value[n] for n in member if lead[n] == one)
            assert total <= row.upper[one] + TOLERANCE, f"cluster {one} is above its {row.name}"
            if row.short_price is None:
                assert total >= row.lower[one] - TOLERANCE, f"cluster {one} is below its {row.name}"
            elif total < row.lower[one]:
                cost += row.short_price * (row.lower[one] - total)
    _close("the cost", plan.objective, cost + (p.alone_cost[alone].sum() if len(alone) else 0.0))
    _check_gap(plan)
