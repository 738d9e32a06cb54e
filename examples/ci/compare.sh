#!/usr/bin/env bash
# Simulates a scenario with two builds of drydock (or two scenarios with one build) and holds the second against the first.
# Exit code 0: the gate passed; 1: it did not; 2: something could not be run. Leaves in OUT: base/, head/, comparison.md, .json, .txt.
# What can be changed, from the environment:
#   BASE, HEAD                     the programs (default: drydock for both)
#   BASE_SCENARIO, HEAD_SCENARIO   what they run (default: scenario.json beside this file)
#   RULES                          of the gate (default: rules.json beside this file)
#   SEEDS                          default 1..30: few enough for each change, many enough for differences of a few percent
#   OUT                            default out/ci
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=${OUT:-out/ci}
seeds=${SEEDS:-1..30}
mkdir -p -- "$out"

# simulate SIDE PROGRAM SCENARIO: exit code 1 (an invariant was violated, a run failed) is for the gate to judge.
simulate() {
  local code=0
  "$2" simulate "$3" --seeds "$seeds" --check --out "$out/$1" >"$out/$1.log" 2>&1 || code=$?
  ((code <= 1)) && [[ -e $out/$1/result.json ]] && return
  echo "the $1 could not be simulated:" >&2
  cat -- "$out/$1.log" >&2
  exit 2
}

rm -rf -- "$out/base" "$out/head"
simulate base "${BASE:-drydock}" "${BASE_SCENARIO:-$here/scenario.json}"
simulate head "${HEAD:-drydock}" "${HEAD_SCENARIO:-$here/scenario.json}"
exec "${HEAD:-drydock}" compare "$out/base" "$out/head" --gate "${RULES:-$here/rules.json}" --out "$out"
