"""Compiled parts of the p-median search: greedy start, interchange, and the ascent of the Lagrangian bound.

Costs are those that ``pmedian.prepare`` makes: (free site, demand), at most what is at hand for the demand anyway.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
States = NDArray[np.int8]  # per free site: 0 undecided, 1 open, -1 closed


@nb.njit(cache=True, nogil=True)
def nearest(
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
    total = nearest(by_site, at_hand, opened, best, which, second)
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
        given_up = opened[slot_best]
        opened[slot_best] = site_best
        after = nearest(by_site, at_hand, opened, best, which, second)
        if after >= total:
            # A gain made of rounding alone (costs near 0): such swaps could follow each other for ever.
            opened[slot_best] = given_up
            return total
        is_open[given_up] = False
        is_open[site_best] = True
        total = after


@nb.njit(cache=True, nogil=True)
def greedy(by_site: Floats, at_hand: Floats, p: int, state: States) -> Ints:
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
