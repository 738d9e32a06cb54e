#!/usr/bin/env python3
"""A steady load on the real runtime, for minutes: does anything grow? Jobs that do nothing are submitted each second while a scheduler and
workers run them, after a history of jobs that ended before. Memory of every process, of Redis by its own account, and the backlog are
measured each second; the last third of the run is compared with the second one, in which everything has reached its size.

Only the standard library."""
import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from installation import Installation
from private_stores import Stores
from targets import judge

ROOT = Path(__file__).resolve().parent.parent
GROWTH_MAX_PERCENT, GROWTH_MAX_MIB = 5, 4  # either: what allocators and the shape of a backlog do


def resident_mib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


def backend_mib(stores):
    """Of PostgreSQL's largest process, without what it shares with others."""
    largest = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int(Path(entry, "stat").read_text().rpartition(")")[2].split()[1]) == stores.postgres_process.pid:
                    fields = Path(entry, "statm").read_text().split()
                    largest = max(largest, (int(fields[1]) - int(fields[2])) * 4096 / 2**20)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drydock", default=ROOT / "build/release/drydock", help="the binary to measure")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--rate", type=int, default=5000, help="jobs a second")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--history", type=int, default=0, help="jobs that ended before")
    parser.add_argument("--record", action="store_true", help="with journals, of 256 MiB in all")
    parser.add_argument("--out", help="JSON file for all measurements")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stores = Stores(folder)
        stack.callback(stores.end)
        place = Installation(Path(arguments.drydock).resolve(), stores, Path(folder) / "installation", arguments.workers)
        if arguments.history:
            place.fill_history(arguments.history)
        workers = [stack.enter_context(place.worker(number)) for number in range(arguments.workers)]
        place.registered(len(workers))
        options = ("--record", place.folder / "journals", "--record-max", "256MiB") if arguments.record else ()
        scheduler = stack.enter_context(place.scheduler(*options))
        redis = stores.redis()
        samples, submitted, began = [], 0, time.monotonic()
        while (passed := time.monotonic() - began) < arguments.seconds:
            due = int((passed + 1) * arguments.rate)
            if due - submitted >= arguments.rate:  # after a pause, as much as was to come meanwhile
                place.submit(due - submitted, "--sleep", "0s", "--estimate", "1s")
                submitted = due
            info = dict(line.split(":", 1) for line in redis.run([["INFO", "memory"]])[0].decode().split("\r\n") if ":" in line)
            held = int(place.sql("select allocations from drydock.truth"))
            samples.append({"s": passed, "scheduler_mib": resident_mib(scheduler.pid), "redis_mib": int(info["used_memory"]) / 2**20,
                            "backend_mib": backend_mib(stores), "held": held}
                           | {f"worker_{n}_mib": resident_mib(worker.pid) for n, worker in enumerate(workers)})
            if sys.stderr.isatty():
                print(f"\r{passed:.0f} s: {submitted} jobs, {held} held ", end="", file=sys.stderr)
            time.sleep(max(0.0, began + len(samples) - time.monotonic()))
        place.wait_for_ends(submitted, 120)
        place.drained(submitted)  # each ran once
        journals = sum(file.stat().st_size for file in place.folder.glob("journals/*")) / 2**20
    third = len(samples) // 3
    targets = {}
    print(f"{submitted} jobs in {arguments.seconds} s, {arguments.history} in history; MiB, medians of the second and of the last third:")
    for key in [key for key in samples[0] if key.endswith("_mib")]:
        middle, last = (statistics.median(sample[key] for sample in part) for part in (samples[third:2 * third], samples[2 * third:]))
        print(f"  {key[:-4]:14}{middle:9.1f}{last:9.1f}")
        targets[f"{key[:-4]}: growth, MiB"] = {"value": last - middle, "at_most": max(GROWTH_MAX_MIB, middle * GROWTH_MAX_PERCENT / 100)}
    if arguments.record:
        targets["journals, MiB"] = {"value": journals, "at_most": 256 * 1.2}
    results = {"soak": {"jobs": submitted, "samples": samples, "targets": targets}}
    good = judge(results)
    if arguments.out:
        Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments.out).write_text(json.dumps({"arguments": {k: str(v) for k, v in vars(arguments).items()}} | results, indent=1) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
