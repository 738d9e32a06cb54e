#!/usr/bin/env python3
"""Whole programs against each other, in one run, interleaved: drydock and a hand-written SimPy model on the same jobs, then
the big scenarios. Figures are medians; the output says on what machine, and holds every single measurement.

Only the standard library. Needs, and says so when it skips something: ../shared/peers beside the repository (the common
workload and the SimPy model), and an interpreter that has SimPy (Debian: python3-simpy3)."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from context import context_of
from targets import judge

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT.parent / "shared" / "peers"
WORKLOADS = {  # name: (jobs, offered load, mean wait in s, makespan in s)
    "W10kq": (10_000, 1.1, 249.9765, 7077),
    "W100k": (100_000, 0.9, 0.00159, 67616),
    "W100kq": (100_000, 1.1, 2925.15005, 61151),
}


def measure(command, folder):
    """Runs a process to its end: wall and CPU seconds, peak memory, output. CPU and memory include its children."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output = out.read().decode()
        if process.returncode != 0:
            sys.exit(f"failed ({process.returncode}): {' '.join(map(str, command))}\n{output}\n{err.read().decode()}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}, output

DRYDOCK_RUNS_PER_REPEAT = 4  # short runs: more of them, side by side, for a steady ratio


def median(samples, key="wall_s"):
    return statistics.median(sample[key] for sample in samples)


def python_with_simpy():
    for python in dict.fromkeys([sys.executable, "/usr/bin/python3", shutil.which("python3")]):
        if python and subprocess.run([python, "-c", "import simpy"], capture_output=True).returncode == 0:
            return python
    return None


def first_run(output):
    """The first run of `simulate --format json`; its violations are an error."""
    run = json.loads(output)["runs"][0]
    if run.get("violations"):
        sys.exit(f"violations: {run['violations']}")
    return run


def trace_scenario(name):
    return {
        "name": name,
        "cluster": {"hosts": [{"name": "node", "count": 1000, "cpus": 1}]},
        "queues": [{"name": "default"}],
        "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"], "slots_per_worker": 1}],
        "workload": [{"trace": {"format": "swf", "path": f"{name}.swf"}}],
        "policies": {"placement": {"type": "fcfs"}},
    }


def big_scenario(days, transfers=False, control_plane=False, liveness=None):
    """10 000 workers that beat every 30 s and each fail about every five days; a million jobs a month at 80 % load."""
    source = {
        "name": "jobs",
        "queue": "default",
        "count": round(1_000_000 * days / 30),
        "arrivals": {"poisson": {"rate": f"{1_000_000 / 30 / 86400}/s"}},
        "duration": {"exponential": {"mean": "20000s"}},
        "cpus": 1,
        "on_failure": "resume",
    }
    if transfers:
        source |= {"input": "1MB", "output": "1MB"}
    cluster = {"hosts": [{"name": "node", "count": 10_000, "cpus": 1}], "network": {"latency": "0.2ms", "bandwidth": "1GB/s"}}
    policies = {"placement": {"type": "fcfs"}, "liveness": liveness or {"type": "ttl", "heartbeat": "30s", "ttl": "65s"}}
    if control_plane:
        cluster["stores"] = {"redis": {"latency": "0.3ms"}, "postgres": {"commit": "4ms", "query": "60ms"}}
        policies["accounting"] = "fenced-counter"
    return {
        "name": f"big-{days}d" + ("-transfers" if transfers else "") + ("-control-plane" if control_plane else "")
        + (f"-{liveness['type']}" if liveness else ""),
        "duration": f"{days}d",
        "cluster": cluster,
        "control_plane": {"mode": "cycle", "cycle": "5s"} if control_plane else {"mode": "ideal"},
        "queues": [{"name": "default"}],
        "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"], "slots_per_worker": 1}],
        "workload": [source],
        "policies": policies,
        "faults": [{"type": "worker-crash", "mtbf": "5d", "mttr": "1h"}],
    }


class Bench:
    def __init__(self, drydock, repeats, folder):
        self.drydock, self.repeats, self.folder = Path(drydock).resolve(), repeats, folder

    def simulate(self, scenario, *options):
        path = self.folder / f"{scenario['name']}.json"
        path.write_text(json.dumps(scenario))
        sample, output = measure([self.drydock, "simulate", path, "--seeds", "1", "--format", "json", *options], self.folder)
        return sample, first_run(output)

    def against_simpy(self):
        if not (PEERS / "make_workload.py").exists():
            print(f"skipped: the common workloads need {PEERS.name}/make_workload.py in a folder shared/ beside the repository")
            return {"skipped": "no common workload"}
        python = python_with_simpy()
        if python is None:
            print("SimPy is not measured: no Python here has it (Debian: python3-simpy3)")
        results = {}
        for name, (jobs, load, _, _) in WORKLOADS.items():
            subprocess.run([sys.executable, PEERS / "make_workload.py", str(jobs), name, str(load)], cwd=self.folder, check=True)
            results[name] = {"drydock": [], "simpy": []}
        for _ in range(self.repeats):
            for _ in range(DRYDOCK_RUNS_PER_REPEAT):
                for name in WORKLOADS:
                    sample, run = self.simulate(trace_scenario(name))
                    self.compare_with_reference(name, run["metrics"])
                    results[name]["drydock"].append(sample)
            for name in WORKLOADS if python else ():
                sample, _ = measure([python, PEERS / "simpy_fcfs.py", name], self.folder)
                results[name]["simpy"].append(sample)
        return self.report_simpy(results, python)

    @staticmethod
    def compare_with_reference(name, metrics):
        _, _, wait, makespan = WORKLOADS[name]
        if abs(metrics["wait_s.mean"] - wait) > 5e-5 or abs(metrics["makespan_s"] - makespan) > 5e-5:
            sys.exit(f"{name}: wait {metrics['wait_s.mean']} s and makespan {metrics['makespan_s']} s, not {wait} and {makespan}")

    def report_simpy(self, results, python):
        print(f"\nWhole processes, first come first served on 1000 nodes, medians of {self.repeats} runs (drydock: "
              f"{self.repeats * DRYDOCK_RUNS_PER_REPEAT}), seconds:")
        print(f"{'':10}{'drydock':>16}{'SimPy':>18}{'times faster':>19}{'drydock MiB':>13}")
        print(f"{'':10}" + f"{'wall':>9}{'CPU':>9}" * 3)
        for name, result in results.items():
            columns = [f"{median(result['drydock'], key):9.3f}" for key in ("wall_s", "cpu_s")]
            if python:
                columns += [f"{median(result['simpy'], key):9.3f}" for key in ("wall_s", "cpu_s")]
                result["times_faster"] = {key: median(result["simpy"], key) / median(result["drydock"], key) for key in ("wall_s", "cpu_s")}
                columns += [f"{value:9.1f}" for value in result["times_faster"].values()]
            print(f"{name:10}" + "".join(columns) + f"{median(result['drydock'], 'peak_mib'):13.0f}")
        targets = {}
        for key in ("wall_s", "cpu_s"):  # CPU seconds are the steadier ones where others use the machine too
            queued = median(results["W100kq"]["drydock"], key) / median(results["W100k"]["drydock"], key)
            targets[f"W100kq over W100k, {key}"] = {"value": queued, "at_most": 1.3}
            if python:
                targets[f"W100k SimPy over drydock, {key}"] = {"value": results["W100k"]["times_faster"][key], "at_least": 5}
        return {"workloads": results, "targets": targets}

    def big(self):
        print("\n10 000 workers, heartbeats each 30 s, about 60 000 host failures and 1 000 000 jobs in 30 days:")
        results, targets = {}, {}
        kinds = {"alone": ({}, 10), "with transfers": ({"transfers": True}, 10),
                 "with registry, counter and database": ({"control_plane": True}, 20)}
        for kind, (options, most) in kinds.items():
            scenario = big_scenario(30, **options)
            samples = []
            for _ in range(3 if self.repeats > 1 else 1):
                sample, run = self.simulate(scenario)
                samples.append(sample)
            cpu, memory = median(samples, "cpu_s"), median(samples, "peak_mib")
            metrics = run["metrics"]
            print(f"  {kind}: {cpu:.2f} s CPU, {memory:.0f} MiB,"
                  f" {metrics['jobs_completed']:.0f} jobs completed")
            results[scenario["name"]] = {"samples": samples, "metrics": metrics}
            targets[f"{scenario['name']}, CPU s"] = {"value": cpu, "at_most": most}
            targets[f"{scenario['name']}, peak MiB"] = {"value": memory, "at_most": 1000}
        return {"runs": results, "targets": targets}

    def lazy_against_eager(self):
        scenario = big_scenario(1)
        lazy_sample, lazy = self.simulate(scenario)
        eager_sample, eager = self.simulate(scenario, "--eager")
        same = lazy["journal_hash"] == eager["journal_hash"]
        print(f"  one day, lazy against eager heartbeats: {lazy_sample['cpu_s']:.2f} s and {eager_sample['cpu_s']:.2f} s CPU, journal hash"
              f" {lazy['journal_hash']} and {eager['journal_hash']}: {'equal' if same else 'DIFFERENT'}")
        return {"lazy": lazy_sample | {"hash": lazy["journal_hash"]}, "eager": eager_sample | {"hash": eager["journal_hash"]},
                "targets": {"lazy and eager hashes differ": {"value": int(not same), "at_most": 0}}}

    def observed_beats(self):
        """Policies that look at every beat: none of these can be left out."""
        print("\nEvery beat looked at, 10 000 workers, one day of beats each 30 s (28.8 million):")
        results = {}
        for policy in ("nfd-e", "phi-normal", "phi-exponential", "adaptive"):
            sample, _ = self.simulate(big_scenario(1, liveness={"type": policy}))
            print(f"  {policy:16}{sample['cpu_s']:7.2f} s CPU, {sample['peak_mib']:.0f} MiB")
            results[policy] = sample
        return {"runs": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drydock", default=ROOT / "build/release/drydock", help="the binary to measure")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", help="JSON file for all measurements")
    parser.add_argument("--only", choices=["simpy", "big", "eager", "beats"], help="one part alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.drydock, arguments.repeats, Path(folder))
        parts = {"simpy": bench.against_simpy, "big": bench.big, "eager": bench.lazy_against_eager,
                 "beats": bench.observed_beats}
        results = {name: run() for name, run in parts.items() if arguments.only in (None, name)}
        good = judge(results)
        if arguments.out:
            Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
            Path(arguments.out).write_text(json.dumps({"context": context_of(arguments.drydock, repeats=arguments.repeats), **results}, indent=1) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
