"""A visitor of the proxy, run in the namespace that stands for the machine: prints what it saw as JSON."""

from __future__ import annotations

import json
import sys

import httpx

from tests.operate.site import visit

HEALTH = "/healthz"


def main(url: str) -> None:
    """Look at the health address, the sign-in page, the list of cases and a tile."""
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        health, page = client.get(HEALTH), client.get("/sign-in")
    print(
        json.dumps(
            {
                "health": health.status_code,
                "headers": {name.lower(): value for name, value in health.headers.items()},
                "page": page.status_code,
                "title": "社区一张图" in page.text,
                "cases": visit(url),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
