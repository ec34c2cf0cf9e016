"""Prints one JSON line per feature. Arguments: names of checks, when only some are wanted."""

import json
import os
import sys

import client_checks
import service_checks
from bench import Bench, NotOffered, within

PATIENCE_S = 40


def not_offered(_bench):
    raise NotOffered("no such method")


CHECKS = {
    **service_checks.CHECKS,
    **client_checks.CHECKS,
    "client.invokeEvent": not_offered,
    "client.groupStream": not_offered,
}


def run(feature, check):
    """How the check went: its status and one line about it."""
    bench = Bench(feature)
    try:
        return "pass", within(PATIENCE_S, lambda: check(bench)) or ""
    except NotOffered as reason:
        return "not offered", str(reason)
    except Exception as error:  # whatever it is, it is this row's result
        return "fail", f"{type(error).__name__}: {error}"
    finally:
        bench.end()


for name, one in CHECKS.items():
    if len(sys.argv) > 1 and name not in sys.argv[1:]:
        continue
    status, detail = run(name, one)
    print(json.dumps({"feature": name, "status": status, "detail": detail}, ensure_ascii=False), flush=True)
os._exit(0)  # a client that a failed check left behind would keep trying to reconnect
