"""``docs/security.md`` says what the code does: each header, directive, limit and rate."""

from __future__ import annotations

import re
from pathlib import Path

from gisapp.api import limits, quiet, rates
from gisapp.api.headers import COMMON, DATA_POLICY, KEEP_FOR_EVER, PAGE_POLICY, policy_text
from gisapp.services import analysis_runs, signing_in, tries
from layers.endpoint import _COMMON as TILE_HEADERS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Rows of the tables below a heading, cells without their marks of code."""
    part = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"
    ]
    return [row for row in found if not set(row[0]) <= {"-"}]


def table(heading: str) -> dict[str, list[str]]:
    """Rows by their first cell, which stands in marks of code."""
    return {row[0].strip("`"): row[1:] for row in rows(heading) if row[0][:1] == "`"}


def test_every_header_is_named_with_its_value_and_reason() -> None:
    shown = table("Headers of every answer")
    for name, value in COMMON.items():
        said, why = shown[name]
        assert why
        if name == "Permissions-Policy":
            allowed = [one for one in value.split(", ") if not one.endswith("=()")]
            assert re.findall(r"`([^`]+)`", said) == allowed and "the rest off" in said
        else:
            assert said == f"`{value}`"
    assert {"Content-Security-Policy", "Cache-Control"} <= set(shown)
    assert f"`{dict(TILE_HEADERS)[b'cache-control'].decode()}`" in TEXT
    assert f"`{KEEP_FOR_EVER.decode()}`" in TEXT


def test_every_directive_is_named_with_its_sources_and_reason() -> None:
    shown = table("Content security policy")
    assert {name: said for name, (said, _) in shown.items()} == {
        name: f"`{sources}`" for name, sources in PAGE_POLICY.items()
    }
    assert all(len(why) > 10 for _, why in shown.values())
    assert f"`{policy_text(DATA_POLICY)}`" in TEXT


def test_no_script_runs_that_is_not_ours() -> None:
    assert PAGE_POLICY["script-src"] == PAGE_POLICY["worker-src"] == "'self'"
    assert "unsafe" not in " ".join(v for name, v in PAGE_POLICY.items() if name != "style-src")
    assert not any(scheme in " ".join(PAGE_POLICY.values()) for scheme in ("http:", "https:", "*", "ws:"))


def test_every_limit_is_named() -> None:
    shown = {row[0].strip("`"): row[1] for row in rows("How much one request may bring")}
    assert {limit.prefix: limits.size_text(limit.most) for limit in limits.BODY_LIMITS} == {
        prefix: most for prefix, most in shown.items() if prefix.startswith("/")
    }
    assert shown["everything else"] == limits.size_text(limits.DEFAULT_LIMIT.most)
    assert shown["message of a page over the WebSocket"] == limits.size_text(limits.SOCKET_MESSAGE)
    held = "bodies held in memory at the same moment, of all requests of a process"
    assert shown[held].startswith(f"{limits.size_text(limits.HELD_IN_MEMORY)},")
    assert shown["files arriving at the same moment"].startswith(f"{limits.size_text(limits.ON_DISK)},")
    assert shown["head of a request (address and headers)"] == limits.size_text(limits.HEAD)
    assert shown["until the head is there"] == f"{limits.HEAD_S:.0f} s"
    assert shown["until the body is there"].startswith(
        f"{limits.BODY_S:.0f} s, and one more for every {limits.size_text(limits.SLOWEST)} "
    )
    assert f"{limits.size_text(limits.ANONYMOUS_BODY)} for whoever is not signed in" in TEXT


def test_every_rate_is_named() -> None:
    shown = [(row[0], row[1], row[-1]) for row in rows("How often one may ask")]
    bounds = {(who, what.split(",")[0]): bound for who, what, bound in shown}
    stranger = bounds["one address without a session", "everything but files"]
    assert stranger == f"{rates.ANONYMOUS_BURST} at once, then {rates.ANONYMOUS_PER_S:.0f} a second"
    assert bounds["one address", "wrong passwords"] == (
        f"{tries.ADDRESS_BURST} at once, then one every {1 / tries.ADDRESS_PER_S:.0f} s"
    )
    assert bounds["one address and login", "wrong passwords"].startswith(
        f"after {tries.FREE_TRIES}: {tries.FIRST_PAUSE_S:.0f} s, doubled with each further one up to an hour"
    )
    assert (tries.LONGEST_PAUSE_S, tries.FORGOTTEN_S) == (3600, 24 * 3600)
    login = next(bound for who, _, bound in shown if who == "one login")
    assert login == f"{tries.LOGIN_BURST} at once, then one every {1 / tries.LOGIN_PER_S:.0f} s"
    assert bounds["everybody", "sign-ins waiting to be checked"] == str(signing_in.MOST_WAITING)
    turns = {who.strip("`"): (at_once, waiting) for who, at_once, waiting in shown if who.startswith("`")}
    assert turns == {turn.prefix: (str(turn.at_once), str(turn.waiting)) for turn in rates.TURNS}
    assert f"at most {analysis_runs.MOST_UNFINISHED} analyses" in TEXT
    assert quiet.PER_MINUTE == 5 and "five of a kind" in TEXT


def test_the_proxy_adds_none_of_the_headers() -> None:
    caddy = (ROOT / "docker/Caddyfile").read_text(encoding="utf-8")
    assert [name for name in (*COMMON, "Content-Security-Policy", "Cache-Control") if name in caddy] == []
    most = re.search(r"max_size (\d+)MiB", caddy)
    assert most and int(most[1]) * 1024 * 1024 > limits.limit_for("/api/v1/imports").most
