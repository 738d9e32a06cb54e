#!/usr/bin/env python3
"""How far simulations are from the same scenarios for real: a table of hits and misses, and JSON with every figure and its context.

Each case is `drydock rehearse` of a scenario whose time is scaled so that a run takes one or two minutes. All of them with five repeats
take hours, and the machine must do nothing else meanwhile. So each leaves its result, with its context, in a file, and the table is of
all there are: `--only NAMES` runs some, `--missing` those without a result, `--table` none; `--list` says which there are. Exits with 1 where
a target is missed. Only the standard library."""
import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "bench/rehearsal"
TRACES = ROOT.parent / "shared/traces"


def case(name, scenario, scale, variants, sets=(), needs=None):
    return {"name": name, "scenario": scenario, "scale": scale, "variants": variants, "sets": list(sets), "needs": needs}


# Variants that the runtime has not (no fencing, other detectors) are left out.
CASES = [
    case("worker-pools", "worker-pools", 360, ["before", "after"], ["/duration=6h"]),
    case("registry-and-cache", "registry-and-cache", 60, ["safe", "database", "atomic"]),
    case("worker-node", "worker-node", 60, ["by-resources", "both"], ["/duration=2h"]),
    case("dynamic-share", "dynamic-share", 5, ["changing-load", "changing-load-leased"]),
    case("session-boundary", HERE / "session-boundary.json", 60, ["asked", "given-1m", "gone"]),
    case("ttl-knife-edge", "ttl-knife-edge", 60, ["ttl-60s", "ttl-65s", "ttl-90s"], ["/duration=2h"]),
    case("redis-outage", "redis-outage", 60, ["short", "fenced"]),
    case("zombie-worker", "zombie-worker", 60, ["self-fencing"]),
    case("blind-resync", "blind-resync", 20, ["blind", "fenced"], ["/duration=20m"]),
    case("split-brain", "split-brain", 60, ["killed", "cut-off", "none"]),
    case("partition", "partition", 40, ["both", "none"], ["/duration=1h"]),
    case("worker-upgrade", "worker-upgrade", 40, ["asked", "killed"]),
    case("crashes", HERE / "crashes.json", 1, ["ttl-1.5s", "ttl-4s"]),
    case("nasa-window", HERE / "nasa-window.json", 1440, ["fcfs", "easy", "sjf"], needs=TRACES / "NASA-iPSC-1993-3.1-cln.swf.gz"),
    case("hpc2n-window", HERE / "hpc2n-window.json", 2880, ["fcfs", "easy"], needs=TRACES / "HPC2N-2002-head.swf"),
]

# Of the mean over the repeats: the largest relative error, and whether less than the spread of the real runs is good, too.
TARGETS = {
    "makespan_s": (0.02, False),
    "wait_s.mean": (0.10, True),
    "wait_s.p95": (0.15, False),
    "detection_s.mean": (0.05, True),
    "drift.time_avg_abs": (0.0, True),
    "drift.abs_max": (0.0, True),
    "share_excess.max_ratio": (0.0, True),
}
KS_MARGIN = 0.05


def busy_seconds():
    """CPU seconds that the machine has used."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def run_case(options, chosen):
    out = Path(options.out) / chosen["name"]
    command = [options.drydock, "rehearse", chosen["scenario"], "--repeats", options.repeats, "--out", out, "--format", "json"]
    if chosen["scale"] != 1:
        command += ["--time-scale", chosen["scale"]]
    if options.calibration:
        command += ["--calibration", Path(options.calibration).resolve()]
    for variant in chosen["variants"]:
        command += ["--variant", variant]
    for change in chosen["sets"]:
        command += ["--set", change]
    command = [str(word) for word in command]
    busy, start = busy_seconds(), time.monotonic()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    wall = time.monotonic() - start
    result = {"name": chosen["name"], "command": " ".join(command).replace(f"{ROOT}/", ""), "exit_code": ran.returncode, "wall_s": wall,
              "machine_busy": (busy_seconds() - busy) / wall, "notes": ran.stderr.strip().splitlines()}
    if ran.returncode in (0, 1) and ran.stdout.startswith("{"):
        result["rehearsal"] = json.loads(ran.stdout)
    return result


def judge_figure(figure):
    """(what the table shows, whether the target is met)"""
    limit, spread_counts = TARGETS[figure["metric"]]
    relative = figure["relative"]
    difference = figure["difference"]
    good = difference == 0 or (relative is not None and abs(relative) <= limit) or (spread_counts and figure["within_spread"] is True)
    shown = f"{100 * relative:+.1f} %" if relative is not None else f"{difference:+.3g}"
    return f"{shown}{'' if good else ' **miss**'}", good


def judge_variant(variant):
    cells, good = {}, True
    for figure in variant["figures"]:
        if figure["metric"] in TARGETS:
            cells[figure["metric"]], met = judge_figure(figure)
            good = good and met
    if variant["waits"]:
        distance, floor = variant["waits"]["ks"], variant["waits"]["ks_between_real_runs"] or 0
        met = distance <= floor + KS_MARGIN
        cells["ks"] = f"{distance:.3f} ({floor:.3f}){'' if met else ' **miss**'}"
        good = good and met
    return cells, good


def judge_ranking(rehearsal):
    shown = [order for order in rehearsal["orders"] if order["shown"]]
    wrong = [order for order in shown if not order["same"]]
    return (f"{len(shown) - len(wrong)} of {len(shown)}{' **miss**' if wrong else ''}" if shown else "none shown"), not wrong


COLUMNS = [("makespan_s", "makespan"), ("wait_s.mean", "mean wait"), ("wait_s.p95", "p95 wait"), ("ks", "KS (real-real)"),
           ("detection_s.mean", "detection"), ("drift.time_avg_abs", "drift"), ("share_excess.max_ratio", "share excess")]


def table_of(results):
    lines = ["| scenario | variant | " + " | ".join(title for _, title in COLUMNS) + " | ranking |",
             "|---|---|" + "---|" * (len(COLUMNS) + 1)]
    hits = misses = 0
    for result in results:
        rehearsal = result.get("rehearsal")
        if rehearsal is None or not rehearsal["variants"]:
            why = result["notes"][-1] if result["notes"] else f"exit code {result['exit_code']}"
            lines.append(f"| {result['name']} | not rehearsed: {why} |" + " |" * (len(COLUMNS) + 1))
            misses += 1
            continue
        ranking, same = judge_ranking(rehearsal)
        misses += not same
        for place, variant in enumerate(rehearsal["variants"]):
            cells, good = judge_variant(variant)
            hits, misses = hits + good, misses + (not good)
            row = [result["name"] if place == 0 else "", variant["variant"]]
            row += [cells.get(key, "–") for key, _ in COLUMNS] + [ranking if place == 0 else ""]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n", hits, misses


def context_of(options):
    version = subprocess.run([options.drydock, "version"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    return {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "drydock": version.splitlines(), "system": platform.platform(),
            "processors": len(os.sched_getaffinity(0)), "load": os.getloadavg(), "repeats": options.repeats,
            "calibration": options.calibration}


def result_file(options, chosen):
    return Path(options.results) / f"{chosen['name']}.json"


def results_there(options):
    return [json.loads(file.read_text()) for file in (result_file(options, one) for one in CASES) if file.exists()]


def chosen_cases(options):
    if options.table:
        return []
    if options.missing:
        return [one for one in CASES if not result_file(options, one).exists()]
    if not options.only:
        return CASES
    names = options.only.split(",")
    unknown = set(names) - {one["name"] for one in CASES}
    if unknown:
        sys.exit(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(one['name'] for one in CASES)}")
    return [one for one in CASES if one["name"] in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drydock", default=ROOT / "build/release/drydock")
    parser.add_argument("--out", default=ROOT / "out/rehearsal", help="folder: a folder for each case, and table.md")
    parser.add_argument("--results", default=HERE / "results", help="folder with the result of each case")
    parser.add_argument("--repeats", type=int, default=5)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", help="names of cases, separated by commas")
    which.add_argument("--missing", action="store_true", help="the cases that have no result")
    which.add_argument("--table", action="store_true", help="run nothing: the table of the results that are there")
    which.add_argument("--list", action="store_true", help="say which cases there are")
    parser.add_argument("--calibration", help="what `drydock calibrate` wrote")
    options = parser.parse_args()
    if options.list:
        for one in CASES:
            print(f"{one['name']:20} {', '.join(one['variants'])}; time scaled by {one['scale']}")
        return
    for folder in (options.out, options.results):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for one in chosen_cases(options):
        if one["needs"] and not one["needs"].exists():
            print(f"{one['name']}: skipped, {one['needs'].name} is not there", file=sys.stderr)
            continue
        context = context_of(options)
        result = run_case(options, one) | {"context": context}
        result_file(options, one).write_text(json.dumps(result, indent=1) + "\n")
        print(f"{one['name']}: {result['wall_s']:.0f} s, exit code {result['exit_code']}", file=sys.stderr)
    results = results_there(options)
    if not results:
        sys.exit(f"there are no results in {options.results}: run some cases first")
    table, hits, misses = table_of(results)
    repeats = sorted({result["context"]["repeats"] for result in results})
    table += (f"\n{hits} variants meet every target, {misses} variants or rankings miss one. {len(results)} of {len(CASES)} cases, of "
              f"{' or '.join(map(str, repeats))} repeats.\n")
    (Path(options.out) / "table.md").write_text(table)
    print(table, end="")
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
