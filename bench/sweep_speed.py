#!/usr/bin/env python3
"""A sweep of 100 points, 20 seeds each, over 10 000 jobs: 2000 runs, on all processors. Fails when it takes a minute or more on two.

Says what else used the processors meanwhile, since that is what such a figure depends on most. Only the standard library."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POINTS, SEEDS, JOBS, LIMIT_S = 100, 20, 10_000, 60
SCENARIO = {
    "name": "sweep-speed",
    "cluster": {"hosts": [{"name": "node", "count": 100, "cpus": 4, "cost_per_hour": 0.1}]},
    "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"]}],
    "queues": [{"name": "default"}],
    "workload": [{"name": "jobs", "count": JOBS, "arrivals": {"poisson": {"rate": "0.6/s"}}, "duration": {"exponential": {"mean": "10m"}}}],
    "policies": {"placement": "fcfs", "liveness": {"type": "ttl", "heartbeat": "30s", "ttl": "65s"}},
    "faults": [{"type": "worker-crash", "mtbf": "2d", "mttr": "1h"}],
}
VARY = ["/policies/liveness/ttl=61s..121s/10", "/cluster/hosts/0/count=100..145/10"]


def busy_seconds():
    """CPU seconds that the machine has used."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drydock", default=ROOT / "build/release/drydock")
    parser.add_argument("--out", help="where to write the measurement, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "scenario.json"
        scenario.write_text(json.dumps(SCENARIO))
        command = [options.drydock, "sweep", scenario, "--seeds", f"1..{SEEDS}", "--out", Path(folder) / "out", "--format", "json"]
        for values in VARY:
            command += ["--vary", values]
        busy, start = busy_seconds(), time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status != 0:
            sys.exit("the sweep failed")
        result = json.loads(output)
    cpu = usage.ru_utime + usage.ru_stime
    others = (busy_seconds() - busy - cpu) / wall
    runs = len(result["runs"])
    if (len(result["points"]), runs) != (POINTS, POINTS * SEEDS):
        sys.exit(f"{len(result['points'])} points and {runs} runs")
    cores = len(os.sched_getaffinity(0))
    print(f"{runs} runs of {JOBS} jobs: {wall:.1f} s on {cores} processors, of which others used {max(0, others):.1f}; "
          f"{cpu:.1f} s of CPU, {1e3 * cpu / runs:.1f} ms a run")
    sample = {"wall_s": wall, "cpu_s": cpu, "runs": runs, "processors": cores, "others": others}
    if options.out:
        Path(options.out).write_text(json.dumps(sample, indent=1) + "\n")
    # What it would take on two processors of its own.
    alone = cpu / 2
    print(f"on two processors of its own: {alone:.1f} s ({'met' if alone < LIMIT_S else 'MISSED'}: < {LIMIT_S} s)")
    sys.exit(0 if alone < LIMIT_S else 1)


if __name__ == "__main__":
    main()
