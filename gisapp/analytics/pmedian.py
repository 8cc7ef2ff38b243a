"""The solver of ``allocation``: interchange, Lagrangian relaxation and branching on sites.

Costs are (demand, site) numbers of the order of 1 in total. Existing sites are folded into one cost per demand that is
always available ("at hand"), so every other cost is at most that and the search is over free sites only.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
States = NDArray[np.int8]  # per free site: 0 undecided, 1 open, -1 closed

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


@nb.njit(cache=True, nogil=True)
def _nearest(
    by_site: Floats, at_hand: Floats, opened: Ints, best: Floats, which: Ints, second: Floats
) -> float:
    """Nearest and second nearest open site of each demand; returns the total cost."""
    total = 0.0
    for i in range(len(at_hand)):
        best[i] = at_hand[i]
        second[i] = at_hand[i]
        which[i] = -1
    for k in range(len(opened)):
        row = by_site[opened[k]]
        for i in range(len(at_hand)):
            c = row[i]
            if c < best[i]:
                second[i] = best[i]
                best[i] = c
                which[i] = k
            elif c < second[i]:
                second[i] = c
    for i in range(len(at_hand)):
        total += best[i]
    return total


@nb.njit(cache=True, nogil=True)
def interchange(by_site: Floats, at_hand: Floats, opened: Ints, state: States) -> float:
    """Swap one open for one closed site as long as that helps; best swap of each round (Whitaker 1983).

    ``opened`` is changed in place; sites of state 1 stay, sites of state -1 are not taken.
    """
    sites, demands = by_site.shape
    best = np.empty(demands)
    second = np.empty(demands)
    which = np.empty(demands, dtype=np.int64)
    is_open = np.zeros(sites, dtype=np.bool_)
    for k in range(len(opened)):
        is_open[opened[k]] = True
    loss = np.empty(len(opened))
    total = _nearest(by_site, at_hand, opened, best, which, second)
    base = np.empty(len(opened))
    while True:
        for k in range(len(opened)):
            base[k] = 0.0
        for i in range(demands):
            if which[i] >= 0:
                base[which[i]] += second[i] - best[i]
        gain_best = 1e-12 * max(total, 1e-12)
        site_best = -1
        slot_best = -1
        for j in range(sites):
            if is_open[j] or state[j] == -1:
                continue
            row = by_site[j]
            gain = 0.0
            for k in range(len(opened)):
                loss[k] = base[k]
            for i in range(demands):
                c = row[i]
                if c < best[i]:
                    gain += best[i] - c
                    if which[i] >= 0:  # its old site may go without loss
                        loss[which[i]] -= second[i] - best[i]
                elif c < second[i] and which[i] >= 0:
                    loss[which[i]] -= second[i] - c
            for k in range(len(opened)):
                if state[opened[k]] != 1 and gain - loss[k] > gain_best:
                    gain_best = gain - loss[k]
                    site_best = j
                    slot_best = k
        if site_best < 0:
            return total
        is_open[opened[slot_best]] = False
        is_open[site_best] = True
        opened[slot_best] = site_best
        total = _nearest(by_site, at_hand, opened, best, which, second)


@nb.njit(cache=True, nogil=True)
def _greedy(by_site: Floats, at_hand: Floats, p: int, state: States) -> Ints:
    """Open the sites that must be, then whichever helps most, one after another."""
    sites, demands = by_site.shape
    opened = np.empty(p, dtype=np.int64)
    taken = np.zeros(sites, dtype=np.bool_)
    best = at_hand.copy()
    for k in range(p):
        pick = -1
        low = np.inf
        for j in range(sites):
            if taken[j] or state[j] == -1:
                continue
            if state[j] == 1:
                pick = j
                break
            row = by_site[j]
            total = 0.0
            for i in range(demands):
                total += min(row[i], best[i])
            if total < low:
                low = total
                pick = j
        opened[k] = pick
        taken[pick] = True
        for i in range(demands):
            best[i] = min(best[i], by_site[pick, i])
    return opened


@nb.njit(cache=True, nogil=True)
def _pick(rho: Floats, state: States, p: int, chosen: NDArray[np.bool_]) -> float:
    """Mark the p sites of least rho, decided ones respected; returns the sum of their rho."""
    total = 0.0
    left = p
    free = 0
    for j in range(len(rho)):
        chosen[j] = state[j] == 1
        if state[j] == 1:
            total += rho[j]
            left -= 1
        elif state[j] == 0:
            free += 1
    if left > 0:
        values = np.empty(free)
        n = 0
        for j in range(len(rho)):
            if state[j] == 0:
                values[n] = rho[j]
                n += 1
        limit = np.partition(values, left - 1)[left - 1]
        for strict in (True, False):  # those below the limit first, then as many equal ones as fit
            for j in range(len(rho)):
                if (
                    state[j] == 0
                    and not chosen[j]
                    and left > 0
                    and (rho[j] < limit if strict else rho[j] == limit)
                ):
                    chosen[j] = True
                    total += rho[j]
                    left -= 1
    return total


@nb.njit(cache=True, nogil=True)
def relax(
    by_site: Floats,
    at_hand: Floats,
    start: Ints,
    arc_cost: Floats,
    arc_site: NDArray[np.int32],
    p: int,
    state: States,
    u: Floats,
    upper: float,
    target: float,
    rounds: int,
    incumbent: Ints,
    best_u: Floats,
    best_rho: Floats,
    use: Floats,
    direction: Floats,
    control: Floats,
) -> tuple[float, bool]:
    """Subgradient ascent of the Lagrangian bound.

    Args:
        u: multipliers to start from; changed.
        upper: cost of the best solution known; better ones found on the way go to ``incumbent``.
        target: stop when the bound reaches upper - target.
        best_u: multipliers of the best bound; best_rho the reduced costs of the sites there.
        use: how often each site was chosen, averaged towards the end: what a fractional solution would say.
        direction: last direction of ascent, zeros at first.
        control: bound, step and number of rounds without gain, carried from call to call.

    Returns:
        upper, and whether there is nothing more to gain.
    """
    sites = by_site.shape[0]
    demands = len(at_hand)
    rho = np.empty(sites)
    chosen = np.zeros(sites, dtype=np.bool_)
    slope = np.empty(demands)
    trial = np.empty(p, dtype=np.int64)
    last_trial = np.full(p, -1, dtype=np.int64)
    bound, step, stale = control
    settled = False
    for turn in range(rounds):
        rho[:] = 0.0
        value = 0.0
        for i in range(demands):
            if u[i] > at_hand[i]:
                u[i] = at_hand[i]  # a cost at hand caps what service is worth
            value += u[i]
            for a in range(start[i], start[i + 1]):
                if arc_cost[a] >= u[i]:
                    break
                rho[arc_site[a]] += arc_cost[a] - u[i]
        value += _pick(rho, state, p, chosen)
        for i in range(demands):
            served = 0.0
            for a in range(start[i], start[i + 1]):
                if arc_cost[a] >= u[i]:
                    break
                if chosen[arc_site[a]]:
                    served += 1.0
            slope[i] = 1.0 - served
        if value > bound + 1e-7 * abs(bound):
            stale = 0
        else:
            stale += 1
        if value > bound:
            bound = value
            best_u[:] = u
            best_rho[:] = rho
        for j in range(sites):
            use[j] = 0.95 * use[j] + (0.05 if chosen[j] else 0.0)
        if turn % 10 == 0 or value >= bound:
            k = 0
            changed = False
            for j in range(sites):
                if chosen[j]:
                    trial[k] = j
                    if last_trial[k] != j:
                        changed = True
                        last_trial[k] = j
                    k += 1
            if changed:
                cost = 0.0
                for i in range(demands):
                    low = at_hand[i]
                    for k in range(p):
                        c = by_site[trial[k], i]
                        if c < low:
                            low = c
                    cost += low
                # What the multipliers propose is often one swap from something better than all before.
                if cost < 1.02 * upper or turn % 50 == 0:
                    cost = interchange(by_site, at_hand, trial, state)
                    if cost < upper - 1e-13:
                        upper = cost
                        incumbent[:] = trial
        if bound >= upper - target:
            settled = True
            break
        if stale >= 15:
            step *= 0.6
            stale = 0
            u[:] = best_u
            direction[:] = 0.0
            if step < 1e-4:
                settled = True
                break
            continue
        square = 0.0
        for i in range(demands):
            # Keeping part of the last direction damps the zigzag (Crowder 1976).
            capped = slope[i] if not (u[i] >= at_hand[i] and slope[i] > 0.0) else 0.0
            direction[i] = capped + 0.5 * direction[i]
            square += direction[i] * direction[i]
        if square <= 0.0:
            settled = True
            break
        length = step * (upper - value + 1e-4 * abs(upper)) / square
        for i in range(demands):
            u[i] += length * direction[i]
    control[:] = np.array([bound, step, stale])
    return upper, settled


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
    chosen = _greedy(costs.by_site, costs.at_hand, p, none)
    upper = float(interchange(costs.by_site, costs.at_hand, chosen, none))
    search = _Search(costs, p, gap, deadline, chosen.copy(), upper)
    best, second, which = (
        np.empty(len(costs.at_hand)),
        np.empty(len(costs.at_hand)),
        np.empty(len(costs.at_hand), int),
    )
    _nearest(costs.by_site, costs.at_hand, chosen, best, which, second)
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
