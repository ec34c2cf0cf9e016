"""Prints one JSON line per feature. Arguments: names of checks, when only some are wanted."""

import json
import sys

from bench import Bench, NotOffered
from checks import CHECKS


def run(feature, check):
    """How the check went: its status and one line about it."""
    bench = Bench(feature)
    try:
        check(bench)
        return "pass", ""
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
