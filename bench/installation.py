"""Processes of drydock for measurements, on private stores. Only the standard library."""
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from private_stores import until

SLOTS = 2000  # of a worker: what it has been granted at once


class Installation:
    """Processes of drydock on stores of its own, which are empty at first. The schema is there: a scheduler has run."""

    def __init__(self, drydock, stores, folder, workers, slots=SLOTS, heartbeat="10s", ttl="35s", lookahead=0):
        self.drydock, self.stores, self.folder, self.workers, self.slots = drydock, stores, folder, workers, slots
        folder.mkdir()
        self.postgres = stores.new_database("drydock")
        self.redis = ["--redis", f"unix://{stores.redis_socket}"]
        scenario = {
            "name": "bench",
            "cluster": {"hosts": [{"name": "node", "count": workers, "cpus": slots}]},
            "control_plane": {"mode": "event"} | ({"lookahead": lookahead} if lookahead else {}),
            "queues": [{"name": "default"}],
            "pools": [{"name": "main", "hosts": ["node"], "queues": ["default"], "slots_per_worker": slots}],
            "workload": [{"name": "none", "count": 1, "arrivals": {"poisson": {"rate": "1/s"}}, "duration": {"exponential": {"mean": "1s"}}}],
            "policies": {"placement": "fcfs", "liveness": {"type": "ttl", "heartbeat": heartbeat, "ttl": ttl}},
        }
        self.history = 0
        (folder / "bench.json").write_text(json.dumps(scenario))
        self.config = ["--config", folder / "bench.json"]
        with self.scheduler():
            pass

    def sql(self, statement):
        return self.stores.sql("drydock", statement)

    @contextmanager
    def running(self, *words, end=signal.SIGTERM):
        log = self.folder / f"{words[0]}.log"
        with open(log, "ab") as out:
            process = subprocess.Popen([self.drydock, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder)
        try:
            yield process
            if process.poll() is not None:
                sys.exit(f"drydock {words[0]} ended by itself:\n{log.read_text()}")
        finally:
            process.send_signal(end)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextmanager
    def scheduler(self, *options):
        """Yields when it leads."""
        with self.running("scheduler", *self.config, *self.redis, *self.postgres, *options) as process:
            leader = "select count(*) from drydock.leases where holder is not null and expires_at > clock_timestamp()"
            until(lambda: process.poll() is not None or (self.sql("select to_regclass('drydock.leases')") and self.sql(leader) == "1"),
                  "a scheduler leads")
            yield process

    def worker(self, number, *options):
        return self.running("worker", *self.redis, *self.config, "--id", number, *options, end=signal.SIGKILL)

    def registered(self, count):
        until(lambda: len(self.stores.redis().run([["KEYS", "worker:*"]])[0]) >= count, f"{count} workers are registered")

    def fill_history(self, count):
        """Jobs that ended: as many rows as if they had run, in tables of which PostgreSQL knows the size."""
        for first in range(1, count + 1, 500_000):
            last = min(first + 499_999, count)
            self.sql(f"insert into drydock.jobs select i, i, 0, 0, 1, 1000, 0, 0, 1, 1000000000, 0, 0, 0, 0, '{{\"sleep\":\"0s\"}}' from generate_series({first}, {last}) i")
            self.sql("insert into drydock.allocations (job, attempt, part, worker, tasks, cpus, memory, gpus, slots, outcome, job_ends, released, ended_at) "
                     f"select i, 1, 0, i % 10, 1, 1000, 0, 0, 1, 0, true, true, now() from generate_series({first}, {last}) i")
        self.sql(f"update drydock.intake set last_arrival = {count}, mark = {count + 1}, next_id = {count + 1}")
        for statement in ("vacuum (analyze) drydock.jobs", "vacuum (analyze) drydock.allocations", "checkpoint"):
            self.sql(statement)
        self.history = count

    def submit(self, count, *what):
        """Jobs a second, and how long it took."""
        began = time.monotonic()
        subprocess.run([self.drydock, "submit", *self.postgres, "--count", str(count), *what], check=True, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - began
        return {"submit_s": wall, "submit_per_s": count / wall}

    def wait_for_ends(self, count, seconds):
        # The truth is one row, which costs nothing to read. A count of the rows, which does, is made when it says that nothing is held.
        held = "select allocations from drydock.truth"
        ended = f"select count(*) filter (where released and job_ends) from drydock.allocations where job > {self.history}"
        until(lambda: self.sql(held) == "0" and int(self.sql(ended)) >= count, f"{count} jobs have ended", seconds, 0.5)

    def drained(self, count):
        """What the database says: every attempt, its assignment and its release. A job that was lost, or ran twice, is an error."""
        row = self.sql("select count(*), count(distinct job), count(*) filter (where released and job_ends and outcome = 0), "
                       f"extract(epoch from max(ended_at) - min(created_at)) from drydock.allocations where job > {self.history}").split("|")
        if row[:3] != [str(count)] * 3:
            sys.exit(f"{count} jobs, but attempts, jobs and successes in the store are {row[:3]}")
        return {"drain_s": float(row[3]), "drain_per_s": count / float(row[3])}
