#!/usr/bin/env python3
"""Whether this build is slower than another one: both side by side, in turns, on the same machine in the same minutes.

For each micro benchmark that both have, and for whole simulations, each round runs one build and then the other, and keeps the
ratio of their CPU times. A benchmark is slower where its ratio is above 1 + TOLERANCE in every round, which the turns of a machine
that is busy with other things do not do by chance: of N rounds, one time in 2^N. Exits with 1 where any is slower, with 2 where
nothing could be compared. Only the standard library."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from context import context_of

ROOT = Path(__file__).resolve().parent.parent
# Whole simulations: name, and what follows `drydock simulate`.
SIMULATIONS = [
    ("simulate/fcfs", ["{folder}/gate.json", "--variant", "fcfs", "--seeds", "1..2"]),
    ("simulate/easy", ["{folder}/gate.json", "--variant", "easy", "--seeds", "1..2"]),
    ("simulate/ttl", ["{folder}/gate.json", "--variant", "ttl", "--seeds", "1..2"]),
]
SCENARIO = {
    "name": "gate",
    "cluster": {"hosts": [{"name": "node", "count": 100, "cpus": 4}]},
    "workload": [{"name": "jobs", "count": 30000, "arrivals": {"poisson": {"rate": "350/s"}}, "duration": {"exponential": {"mean": "1s"}}}],
    "policies": {"placement": "fcfs", "liveness": "oracle"},
    "variants": [
        {"name": "fcfs", "set": {"/policies/placement": "fcfs"}},
        {"name": "easy", "set": {"/policies/placement": "easy"}},
        {"name": "ttl", "set": {"/policies/liveness": {"type": "ttl", "heartbeat": "1s", "ttl": "3s"}}},
    ],
}


class Build:
    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.micro, self.drydock = self.folder / "bench/drydock_bench", self.folder / "drydock"
        for program in (self.micro, self.drydock):
            if not os.access(program, os.X_OK):
                sys.exit(f"there is no {program}: build it there (./dev bench does, in build/release), or name another build folder")

    def benchmarks(self):
        listed = subprocess.run([self.micro, "--benchmark_list_tests"], capture_output=True, text=True, check=True)
        return listed.stdout.split()

    def micro_s(self, name, seconds):
        """CPU seconds of one iteration."""
        ran = subprocess.run([self.micro, f"--benchmark_filter=^{re.escape(name)}$", f"--benchmark_min_time={seconds}", "--benchmark_format=json"],
                             capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"{self.micro} failed ({ran.returncode}) at {name}:\n{ran.stderr}")
        measured = json.loads(ran.stdout)["benchmarks"][0]
        if measured.get("error_occurred"):
            sys.exit(f"{self.micro}, {name}: {measured['error_message']}")
        return measured["cpu_time"] * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[measured["time_unit"]]

    def simulation_s(self, words):
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen([self.drydock, "simulate", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                errors.seek(0)
                sys.exit(f"{self.drydock} simulate {' '.join(words)} failed ({process.returncode}):\n{errors.read().decode()}")
        return usage.ru_utime + usage.ru_stime


def ratios_of(measure, baseline, current, rounds):
    """Of what `measure` says of a build: the present one over the other, round by round, each time another one first."""
    ratios, samples = [], []
    for turn in range(rounds):
        order = [baseline, current] if turn % 2 == 0 else [current, baseline]
        took = {build: measure(build) for build in order}
        samples.append([took[baseline], took[current]])
        ratios.append(took[current] / took[baseline])
    return ratios, samples


def verdict_on(ratios, tolerance):
    if min(ratios) > 1 + tolerance:
        return "slower"
    return "faster" if max(ratios) < 1 / (1 + tolerance) else "same"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("baseline", metavar="BASELINE", help="build folder of what it is compared with")
    parser.add_argument("--build", default=ROOT / "build/release", help="build folder that is judged (default: build/release)")
    parser.add_argument("--filter", default="", help="a regular expression: only benchmarks that it finds")
    parser.add_argument("--rounds", type=int, default=7, help="of each benchmark (default 7)")
    parser.add_argument("--tolerance", type=float, default=0.1, help="how much slower is not slower (default 0.1)")
    parser.add_argument("--min-time", type=float, default=0.05, help="seconds that a micro benchmark is repeated for, in each round (default 0.05)")
    parser.add_argument("--out", help="JSON file for all measurements")
    arguments = parser.parse_args()
    if arguments.rounds < 3:
        parser.error("--rounds: fewer than 3 tell nothing")
    if arguments.tolerance < 0:
        parser.error("--tolerance: it is not below 0")
    baseline, current = Build(arguments.baseline), Build(arguments.build)
    there, here = baseline.benchmarks(), current.benchmarks()
    wanted = re.compile(arguments.filter)
    results = {}
    print(f"{'':44}{'median ratio':>14}{'of all rounds':>18}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "gate.json").write_text(json.dumps(SCENARIO))
        cases = [(name, lambda build, name=name: build.micro_s(name, arguments.min_time)) for name in here if name in there]
        cases += [(name, lambda build, words=words: build.simulation_s([word.format(folder=folder) for word in words])) for name, words in SIMULATIONS]
        for name, measure in cases:
            if not wanted.search(name):
                continue
            ratios, samples = ratios_of(measure, baseline, current, arguments.rounds)
            verdict = verdict_on(ratios, arguments.tolerance)
            results[name] = {"verdict": verdict, "ratio": statistics.median(ratios), "ratios": ratios, "baseline_and_current_cpu_s": samples}
            print(f"{name:44}{statistics.median(ratios):14.3f}{min(ratios):10.3f} to {max(ratios):.3f}{'' if verdict == 'same' else '  ' + verdict}", flush=True)
    only = {"gone": [name for name in there if name not in here and wanted.search(name)],
            "new": [name for name in here if name not in there and wanted.search(name)]}
    for what, names in only.items():
        if names:
            print(f"{what}, so not compared: {', '.join(names)}")
    if arguments.out:
        Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
        context = context_of(current.drydock, baseline=context_of(baseline.drydock)["drydock"], rounds=arguments.rounds, tolerance=arguments.tolerance)
        Path(arguments.out).write_text(json.dumps({"context": context, "benchmarks": results} | only, indent=1) + "\n")
    if not results:
        print("nothing was compared: no benchmark of both builds is found by --filter", file=sys.stderr)
        sys.exit(2)
    slower = [name for name, result in results.items() if result["verdict"] == "slower"]
    if slower:
        print(f"slower by more than {arguments.tolerance:.0%} in every one of {arguments.rounds} rounds: {', '.join(slower)}")
        sys.exit(1)
    print(f"none of {len(results)} benchmarks is slower by more than {arguments.tolerance:.0%} in every one of {arguments.rounds} rounds")


if __name__ == "__main__":
    main()
