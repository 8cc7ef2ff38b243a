"""The solver of ``allocation``: branching on sites over what ``pmedian_kernels`` compute.

Costs are (demand, site) numbers of the order of 1 in total. Existing sites are folded into one cost per demand that is
always available ("at hand"), so every other cost is at most that and the search is over free sites only.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gisapp.analytics.pmedian_kernels import Floats, Ints, States, greedy, interchange, nearest, relax

#: more than any real cost (they are at most 1 and a little); stands for "nothing at hand"
_NOTHING = 4.0
#: what a sum of costs of order 1 may be off by
_ROUNDING = 1e-12
#: rounds of ascent at the root, and at a branch, which starts from its parent's multipliers
_ROOT_ROUNDS, _BRANCH_ROUNDS = 1200, 150
#: arcs that one call of the ascent may visit before the clock is looked at
_WORK = 100_000_000


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs made ready for the search.

    Attributes:
        sites: positions of the free sites in the caller's numbering.
        by_site: (free sites, demands) costs, at most ``at_hand``.
        at_hand: (demands,) cost of the best existing site; huge where there is none.
        start: (demands + 1,) where each demand's arcs begin in the next two.
        arc_cost: costs below ``at_hand``, ascending within a demand.
        arc_site: their free sites.
        unit: objectives are multiples of this, 0 if nothing is known of that.
    """

    sites: Ints
    by_site: Floats
    at_hand: Floats
    start: Ints
    arc_cost: Floats
    arc_site: NDArray[np.int32]
    unit: float


@dataclass(frozen=True, slots=True)
class Solved:
    """Chosen sites in the caller's numbering, the cost, and a lower bound of every choice's cost."""

    chosen: Ints
    objective: float
    bound: float
    nodes: int


def prepare(cost: Floats, held: Ints, unit: float = 0.0) -> Costs:
    """Fold existing sites away, drop demand that costs nothing anywhere, sort each demand's arcs."""
    free = np.setdiff1d(np.arange(cost.shape[1]), held)
    cost = cost[(cost > 0).any(axis=1)]
    if not len(cost):
        cost = np.zeros((1, len(free) + len(held)))
    at_hand = cost[:, held].min(axis=1) if len(held) else np.full(len(cost), _NOTHING)
    capped = np.minimum(cost[:, free], at_hand[:, None])
    order = np.argsort(capped, axis=1, kind="stable")
    ascending = np.take_along_axis(capped, order, axis=1)
    useful = ascending < at_hand[:, None]
    start = np.r_[0, np.cumsum(useful.sum(axis=1))].astype(np.int64)
    return Costs(
        free,
        np.ascontiguousarray(capped.T),
        at_hand,
        start,
        ascending[useful],
        order[useful].astype(np.int32),
        unit,
    )


def _reduce(costs: Costs, state: States) -> tuple[Costs, Ints]:
    """The costs with decided sites taken out: open ones at hand, closed ones gone. Also the sites left."""
    left = np.flatnonzero(state == 0)
    opened = np.flatnonzero(state == 1)
    at_hand = np.minimum(costs.at_hand, costs.by_site[opened].min(axis=0)) if len(opened) else costs.at_hand
    number = np.full(len(state), -1, dtype=np.int32)
    number[left] = np.arange(len(left))
    demand = np.repeat(np.arange(len(at_hand)), np.diff(costs.start))
    kept = (number[costs.arc_site] >= 0) & (costs.arc_cost < at_hand[demand])
    start = np.r_[0, np.cumsum(np.bincount(demand[kept], minlength=len(at_hand)))].astype(np.int64)
    by_site = np.minimum(costs.by_site[left], at_hand)
    return Costs(
        left, by_site, at_hand, start, costs.arc_cost[kept], number[costs.arc_site[kept]], costs.unit
    ), left


@dataclass(slots=True)
class _Search:
    """The best solution so far, and what counts as good enough."""

    costs: Costs
    p: int
    gap: float
    deadline: float
    chosen: Ints
    upper: float

    def round_up(self, bound: float) -> float:
        """A bound lifted to the next possible objective, less what rounding may have added to it."""
        bound -= _ROUNDING
        unit = self.costs.unit
        if unit > 0:
            bound = max(bound, float(np.ceil(bound / unit - 1e-6)) * unit)
        return min(bound, self.upper)

    def good(self, bound: float) -> bool:
        return self.round_up(bound) >= self.upper * (1.0 - self.gap)

    def node(self, state: States, u: Floats, rounds: int) -> tuple[float, Floats, States, int]:
        """Bound of a branch; returns it with multipliers, the state with more sites decided, and a site to branch on.

        The site is -1 where the branch is finished.
        """
        small, left = _reduce(self.costs, state)
        p = self.p - int((state == 1).sum())
        if p == 0 or len(left) <= p:
            full = np.flatnonzero(state == 1) if p == 0 else np.flatnonzero(state >= 0)
            cost = float(
                small.at_hand.sum() if p == 0 else np.minimum(small.at_hand, small.by_site.min(axis=0)).sum()
            )
            if cost < self.upper and len(full) == self.p:
                self.upper, self.chosen = cost, full
            return cost, u, state, -1
        none = np.zeros(len(left), dtype=np.int8)
        trial = np.zeros(p, dtype=np.int64)
        best_u, rho, use = u.copy(), np.zeros(len(left)), np.full(len(left), p / len(left))
        direction, control = np.zeros(len(u)), np.array([-np.inf, 1.5, 0.0])
        target = max(self.gap * self.upper * 0.5, self.costs.unit * (1.0 - 1e-6) - _ROUNDING)
        each = max(5, _WORK // max(len(small.arc_cost), 1))
        u = u.copy()
        while rounds > 0:
            upper, settled = relax(
                small.by_site, small.at_hand, small.start, small.arc_cost, small.arc_site, p, none, u, self.upper,
                target, min(each, rounds), trial, best_u, rho, use, direction, control,
            )  # fmt: skip
            if upper < self.upper:
                self.upper = upper
                self.chosen = np.union1d(np.flatnonzero(state == 1), left[trial])
            rounds -= each
            if settled or time.perf_counter() > self.deadline:
                break
        bound = float(control[0])
        decided = state.copy()
        rank = np.argsort(rho, kind="stable")
        inside, outside = rho[rank[p - 1]], rho[rank[p]]
        # Whatever would lift the bound beyond the best solution cannot be part of a better one.
        beyond = self.upper - max(self.costs.unit * (1.0 - 1e-6), 0.0) + 2 * _ROUNDING - bound
        decided[left[rank[p:]][rho[rank[p:]] - inside > beyond]] = -1
        decided[left[rank[:p]][outside - rho[rank[:p]] > beyond]] = 1
        open_question = np.where(decided[left] == 0, np.minimum(use, 1.0 - use), -1.0)
        pick = int(np.argmax(open_question))
        return bound, best_u, decided, int(left[pick])


def branch(costs: Costs, p: int, gap: float, seconds: float) -> Solved:
    """Best-first search over open or closed sites until the gap is reached or the time is up."""
    deadline = time.perf_counter() + seconds
    none = np.zeros(len(costs.sites), dtype=np.int8)
    chosen = greedy(costs.by_site, costs.at_hand, p, none)
    upper = float(interchange(costs.by_site, costs.at_hand, chosen, none))
    if upper <= 0.0:
        return Solved(costs.sites[chosen], 0.0, 0.0, 0)  # costs are never negative: nothing can be better
    search = _Search(costs, p, gap, deadline, chosen.copy(), upper)
    best, second, which = (
        np.empty(len(costs.at_hand)),
        np.empty(len(costs.at_hand)),
        np.empty(len(costs.at_hand), int),
    )
    nearest(costs.by_site, costs.at_hand, chosen, best, which, second)
    start = 0.5 * (best + np.minimum(second, 2.0 * best + upper / len(best)))
    queue: list[tuple[float, int, States, Floats]] = [(-np.inf, 0, none, start)]
    finished = np.inf  # least bound of the branches that need no further look
    looked = 0
    while queue and (looked == 0 or time.perf_counter() < deadline):
        above, _, state, u = heapq.heappop(queue)
        if looked and search.good(above):
            finished = min(finished, above)
            continue
        bound, u, decided, site = search.node(state, u, _BRANCH_ROUNDS if looked else _ROOT_ROUNDS)
        bound = max(bound, above)
        looked += 1
        if site < 0 or search.good(bound):
            finished = min(finished, bound)
            continue
        undecided = int((decided == 0).sum())
        still = p - int((decided == 1).sum())
        if still < 0 or still > undecided:
            continue  # nothing in this branch is better than the best solution known
        for value in (1, -1) if decided[site] == 0 else (0,):
            child = decided.copy()
            if value:
                child[site] = value
            heapq.heappush(queue, (bound, 2 * looked + (value == 1), child, u))
    bound = min([finished, search.upper, *(q[0] for q in queue)])
    return Solved(costs.sites[search.chosen], search.upper, max(search.round_up(bound), 0.0), looked)
