#!/usr/bin/env python3
"""How well a calibration predicts how many jobs a second the real runtime gets through at most.

Measures this machine (drydock calibrate), then runs jobs that do nothing for real (drydock up --in-process) and in the simulation, at
several batch sizes and latencies of PostgreSQL, and prints both and the error. The rate is that of the jobs which a longer run has more
than a shorter one, so that what only happens once does not count.

Only the standard library."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = ROOT / "bench/saturation.json"
WORKERS = 2



class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.drydock = Path(arguments.drydock).resolve()
        self.scenario = folder / "saturation.json"
        self.scenario.write_text(SCENARIO.read_text())
        self.calibration = folder / "calibration.json"

    def run(self, *words):
        done = subprocess.run([self.drydock, *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"drydock {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def calibrate(self):
        if self.arguments.calibration:
            self.calibration.write_text(Path(self.arguments.calibration).read_text())
        else:
            self.run("calibrate", "--out", self.calibration)
        self.measured = json.loads(self.calibration.read_text())
        for key in ("commit", "cpu"):
            if key not in self.measured:
                sys.exit(f"the calibration has no \"{key}\": it was interrupted; measure anew")

    def settings(self, slots, latency_s, jobs):
        """As both worlds are told. The real one delays what goes to PostgreSQL by so many times what a commit takes."""
        own = self.measured.get("commit_busy", self.measured["commit"])["base_s"]
        words = ["--set", f"/workload/0/count={jobs}", "--set", f"/cluster/hosts/0/cpus={slots // WORKERS}",
                 "--set", f"/cluster/stores/postgres/commit={round(own * 1e9)}ns"]
        if latency_s > 0:
            # It is the way there that is slow: what is on it does not wait for what is there.
            words += ["--set", "/cluster/stores/postgres/latency=1us", "--set", "/faults=" + json.dumps([{"type": "database-slow", "factor": 1 + latency_s / own, "at": "0s"}])]
        return words

    def real(self, slots, latency_s, jobs):
        said = json.loads(self.run("up", self.scenario, "--in-process", "--format", "json", *self.settings(slots, latency_s, jobs)))
        if said["metrics"]["jobs_completed"] != jobs:
            sys.exit(f"{said['metrics']['jobs_completed']} of {jobs} jobs were completed")
        return said["metrics"]["time_s"]

    def predicted(self, slots, latency_s, jobs):
        # One thread has it all: what a worker does for an attempt keeps the scheduler waiting, too.
        cpu = self.measured["cpu"]
        event = (cpu["event_s"] + cpu["attempt_s"] / self.arguments.events_of_a_job) * cpu["stretch"]
        said = json.loads(self.run("simulate", self.scenario, "--seeds", "1", "--format", "json",
                                   "--set", f"/control_plane/overheads/event={round(event * 1e9)}ns",
                                   *self.settings(slots, latency_s, jobs)))
        return said["runs"][0]["metrics"]["makespan_s"]

    def rate(self, world, slots, latency_s):
        few, many = self.arguments.jobs, 2 * self.arguments.jobs
        longer = world(slots, latency_s, many) - world(slots, latency_s, few)
        return (many - few) / longer

    def point(self, slots, latency_s):
        samples = [self.rate(self.real, slots, latency_s) for _ in range(self.arguments.repeats)]
        predicted = self.rate(self.predicted, slots, latency_s)
        measured = statistics.median(samples)
        return {"batch": slots, "latency_ms": latency_s * 1000, "measured_per_s": measured, "samples_per_s": samples,
                "predicted_per_s": predicted, "error": predicted / measured - 1}


def table(points):
    lines = ["| batch | latency of PostgreSQL, ms | measured, jobs/s | predicted, jobs/s | error |", "|---|---|---|---|---|"]
    for point in points:
        lines.append(f"| {point['batch']} | {point['latency_ms']:g} | {point['measured_per_s']:.0f} ({min(point['samples_per_s']):.0f} to "
                     f"{max(point['samples_per_s']):.0f}) | {point['predicted_per_s']:.0f} | {point['error'] * 100:+.0f} % |")
    return "\n".join(lines)


def chart(points):
    """SVG: measured (with its spread) against predicted, a pair of bars for each point."""
    width, height, left, bottom = 720, 320, 70, 60
    most = max(max(p["predicted_per_s"], max(p["samples_per_s"])) for p in points) * 1.05
    step = (width - left - 10) / len(points)
    up = lambda rate: (height - bottom - 20) * rate / most
    base = height - bottom
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             '<title>Jobs a second at saturation: measured and predicted</title>',
             f'<line x1="{left}" y1="{base}" x2="{width - 10}" y2="{base}" stroke="#444"/>']
    for part in range(5):
        rate = most * part / 4
        parts.append(f'<text x="{left - 6}" y="{base - up(rate) + 4:.1f}" text-anchor="end">{rate:.0f}</text>'
                     f'<line x1="{left}" y1="{base - up(rate):.1f}" x2="{width - 10}" y2="{base - up(rate):.1f}" stroke="#ddd"/>')
    for number, point in enumerate(points):
        x, bar = left + step * number + step * 0.15, step * 0.33
        for place, key, colour in ((x, "measured_per_s", "#4477aa"), (x + bar, "predicted_per_s", "#ee8866")):
            parts.append(f'<rect x="{place:.1f}" y="{base - up(point[key]):.1f}" width="{bar:.1f}" height="{up(point[key]):.1f}" fill="{colour}"/>')
        low, high = min(point["samples_per_s"]), max(point["samples_per_s"])
        parts.append(f'<line x1="{x + bar / 2:.1f}" y1="{base - up(low):.1f}" x2="{x + bar / 2:.1f}" y2="{base - up(high):.1f}" stroke="#000"/>')
        parts.append(f'<text x="{x + bar:.1f}" y="{base + 16}" text-anchor="middle">batch {point["batch"]}</text>'
                     f'<text x="{x + bar:.1f}" y="{base + 32}" text-anchor="middle">{point["latency_ms"]:g} ms</text>')
    parts.append(f'<text x="{left}" y="{height - 8}" fill="#4477aa">measured, jobs/s</text>'
                 f'<text x="{left + 130}" y="{height - 8}" fill="#ee8866">predicted</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drydock", default=ROOT / "build/release/drydock", help="the binary to measure")
    parser.add_argument("--calibration", help="a calibration of this machine (default: measured first)")
    parser.add_argument("--batches", default="50,200,1000", help="slots: the largest batches")
    parser.add_argument("--latencies", default="0,5", help="that PostgreSQL takes more, in ms")
    parser.add_argument("--jobs", type=int, default=10_000, help="of the shorter run; the longer one has twice as many")
    parser.add_argument("--repeats", type=int, default=3, help="of each real pair of runs; the median counts")
    parser.add_argument("--events-of-a-job", type=int, default=5, help=argparse.SUPPRESS)
    parser.add_argument("--out", default=ROOT / "out/bench", help="folder for saturation.md, .json and .svg")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        bench.calibrate()
        points = []
        for latency in map(float, arguments.latencies.split(",")):
            for slots in map(int, arguments.batches.split(",")):
                points.append(bench.point(slots, latency / 1000))
                print(table(points[-1:]).splitlines()[-1], flush=True)
        version = bench.run("version").strip()
    worst = max(abs(point["error"]) for point in points)
    text = (f"# Saturation: measured against predicted\n{table(points)}\n\nThe largest error is {worst * 100:.0f} %. "
            f"{WORKERS} workers, jobs that do nothing, {arguments.repeats} repeats, load of the machine {os.getloadavg()[0]:.1f}.\n")
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "saturation.md").write_text(text)
    (out / "saturation.svg").write_text(chart(points))
    context = {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "drydock": version, "load_average": os.getloadavg(),
               "arguments": {key: str(value) for key, value in vars(arguments).items()}}
    (out / "saturation.json").write_text(json.dumps({"context": context, "calibration": bench.measured, "points": points}, indent=1) + "\n")
    print("\n" + text)
    print(f"Written: {out}/saturation.md, saturation.json, saturation.svg")
    sys.exit(0 if worst <= 0.15 else 1)


if __name__ == "__main__":
    main()
