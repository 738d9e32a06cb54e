#!/usr/bin/env bash
# The judgement of bench/gate.py, on builds whose benchmarks take what this says.
#   gate.sh SOURCE_FOLDER
set -euo pipefail
source=$1
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT

# build NAME "BENCHMARK NANOSECONDS" ...: a build folder. NANOSECONDS A/B: every other run takes B.
build() {
  local at=$folder/$1
  shift
  mkdir -p "$at/bench"
  printf '%s\n' "$@" >"$at/figures"
  cat >"$at/bench/drydock_bench" <<'FAKE'
#!/usr/bin/env bash
at=$(dirname -- "$0")/..
[[ $1 == --benchmark_list_tests ]] && exec awk '{print $1}' "$at/figures"
name=${1#--benchmark_filter=^} name=${name%\$} name=${name//\\/}
echo x >>"$at/runs.${name//\//_}"
figure=$(awk -v name="$name" '$1 == name {print $2}' "$at/figures")
(( $(wc -l <"$at/runs.${name//\//_}") % 2 )) && figure=${figure%/*} || figure=${figure#*/}
printf '{"benchmarks": [{"name": "%s", "cpu_time": %s, "time_unit": "ns"}]}\n' "$name" "$figure"
FAKE
  printf '#!/bin/sh\necho drydock of the test\n' >"$at/drydock"
  chmod +x "$at/bench/drydock_bench" "$at/drydock"
}

# expect CODE TEXT BASELINE BUILD [OPTION...]: what the gate says of BUILD, of micro benchmarks alone.
expect() {
  local code=$1 text=$2 got=0 said
  said=$(python3 "$source/bench/gate.py" "$folder/$3" --build "$folder/$4" --filter "${filter-^Micro}" --out "$folder/out.json" "${@:5}" 2>&1) || got=$?
  if [[ $got != "$code" || $said != *"$text"* ]]; then
    printf 'expected exit code %s and "%s", got %s and:\n%s\n' "$code" "$text" "$got" "$said" >&2
    exit 1
  fi
}

build before "Micro/1 100" "Micro/2 100" "Micro/gone 5"
build same "Micro/1 105" "Micro/2 95"
build slower "Micro/1 100" "Micro/2 111"
build once_slower "Micro/1 100" "Micro/2 300/100"
build faster "Micro/1 50" "Micro/2 100" "Micro/new 1"
expect 0 "none of 2 benchmarks is slower" before same
expect 1 "slower by more than 10% in every one of 7 rounds: Micro/2" before slower
expect 0 "none of 2" before slower --tolerance 0.2
expect 0 "none of 2" before once_slower
expect 0 "Micro/1                                              0.500" before faster
expect 0 "new, so not compared: Micro/new" before faster
expect 0 "gone, so not compared: Micro/gone" before faster
python3 - "$folder/out.json" <<'CHECK'
import json, sys
result = json.load(open(sys.argv[1]))
assert result["benchmarks"]["Micro/1"]["verdict"] == "faster", result
assert result["benchmarks"]["Micro/2"]["verdict"] == "same", result
assert len(result["benchmarks"]["Micro/1"]["ratios"]) == 7 and result["context"]["cores"] >= 1 and result["new"] == ["Micro/new"], result
CHECK
expect 1 "there is no $folder/nowhere/bench/drydock_bench" nowhere same
filter=none expect 2 "nothing was compared" before same
echo "the gate judges as it should"
