"""Q5: siting beside spopt and the plain models, each solver in a process of its own.

All are given HiGHS with no gap allowed: spopt through pulp and highspy, the plain
models through scipy.optimize.milp, ours through its own reductions and the same milp.
The rows of one instance run one after the other; a child prints one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time

import numpy as np

from benchmarks.measure import Table, Timing, status_kb

#: Seconds that a solver is given where nothing is proven.
LIMIT_S = 20.0
#: spopt's model of the p-median takes minutes to be built and solved.
PEERS_LIMIT_S = 400.0
SIZES = {
    "cover": "5,000 × 2,000, n=100",
    "fewest": "5,000 × 2,000",
    "median": "1,000 × 400, p=20",
}
WHO = {
    "cover": ("yikezhong", "scipy.milp", "spopt"),
    "fewest": ("yikezhong", "scipy.milp", "spopt"),
    "median": ("yikezhong", "scipy.milp", "spopt"),
}
TITLES = {"cover": "max-cover", "fewest": "minimum sites", "median": "p-median"}


def run(table: Table, *, quick: bool = False) -> None:
    """Measure every instance by everybody."""
    spopt = all(importlib.util.find_spec(name) for name in ("spopt", "highspy"))
    for problem, whos in WHO.items():
        timings, agrees, peaks, values = {}, {}, {}, {}
        for who in whos:
            if who == "spopt" and (quick or not spopt):
                continue
            answer = _ask(problem, who, quick=quick)
            if "seconds" not in answer:
                table.remarks.append(f"Q5 {TITLES[problem]}, {who}: {answer['error']}")
                continue
            timings[who] = Timing(answer["wall"], answer["seconds"])
            peaks[who] = answer["peak_mb"]
            gap = abs(answer["bound"] - answer["value"]) / abs(answer["value"])
            agrees[who] = f"{answer['value']:.9g}, gap {gap:.2%}"
            if gap < 1e-9:
                values[who] = answer["value"]
        if len({round(value, 4) for value in values.values()}) > 1:
            raise SystemExit(f"Q5 {problem}: proven optima differ: {values}")
        name = "tiny" if quick else SIZES[problem]
        table.add(f"Q5 {TITLES[problem]}", name, timings, agrees=agrees, peaks=peaks)


def _ask(problem: str, who: str, *, quick: bool) -> dict[str, float | str]:
    words = [sys.executable, "-m", "benchmarks.q5", problem, who]
    words += ["--quick"] if quick else []
    try:
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=PEERS_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not finished within {PEERS_LIMIT_S:.0f} s"}
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Solve one instance in this process and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", choices=list(WHO))
    parser.add_argument("who")
    parser.add_argument("--quick", action="store_true")
    terms = parser.parse_args()
    from benchmarks import siting

    size = {"n_demand": 5000, "n_candidate": 2000}
    if terms.quick:
        size = {"n_demand": 500, "n_candidate": 200}
    if terms.who == "yikezhong":
        siting.warm_up()
    call = _call(terms.problem, terms.who, size, quick=terms.quick)
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    answer = {
        "seconds": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "value": float(found.value),
        "bound": float(found.bound),
        "peak_mb": status_kb("VmHWM") / 1024,
    }
    print(json.dumps(answer))


def _call(problem, who, size, *, quick):  # type: ignore[no-untyped-def]
    """Return what is timed; reading and making the instance is not."""
    from benchmarks import siting

    limit_s = 5.0 if quick else LIMIT_S
    if problem == "median":
        return _median_call(who, quick=quick)
    radius = 0.09 if quick else 0.03
    instance = siting.random_geometry(1, radius=radius, **size)
    if problem == "cover":
        n = 10 if quick else 100
        return {
            "yikezhong": lambda: siting.our_cover(instance, n, siting.LIMIT_S),
            "scipy.milp": lambda: siting.plain_cover(instance, n, siting.LIMIT_S),
            "spopt": lambda: siting.spopt_cover(instance, n),
        }[who]
    instance = siting.served(instance)
    return {
        "yikezhong": lambda: siting.our_fewest(instance, limit_s),
        "scipy.milp": lambda: siting.plain_fewest(instance, limit_s),
        "spopt": lambda: siting.spopt_fewest(instance),
    }[who]


def _median_call(who, *, quick):  # type: ignore[no-untyped-def]
    from benchmarks import siting

    n, m = (200, 80) if quick else (1000, 400)
    random = np.random.default_rng(1)
    demand, site = random.random((n, 2)), random.random((m, 2))
    people = random.integers(1, 50, n).astype(float)
    time_s = siting.distances(demand, site)
    return {
        "yikezhong": lambda: siting.our_median(time_s, people, 20),
        "scipy.milp": lambda: siting.plain_median(time_s, people, 20),
        "spopt": lambda: siting.spopt_median(time_s, people, 20),
    }[who]


if __name__ == "__main__":
    main()
