#!/usr/bin/env bash
# Checks the rules between folders in the tree given as $1, and prints one line for each breach. Exit 1 if there is any.
set -euo pipefail
export LC_ALL=C
cd -- "$1"

breaches=0
# forbid RULE PATTERN PATH...: no line of C++ source in these paths (comments left out) may match; paths after -- are exempt.
forbid() {
  local rule=$1 pattern=$2 paths=() exempt='^$' files found
  shift 2
  while (($#)) && [[ $1 != -- ]]; do
    [[ -e $1 ]] && paths+=("$1")
    shift
  done
  (($#)) && exempt=$2
  ((${#paths[@]})) || return 0
  mapfile -t files < <(find "${paths[@]}" -type f \( -name '*.cpp' -o -name '*.hpp' \) | grep -vE "$exempt" | sort)
  ((${#files[@]})) || return 0
  found=$(grep -nHE "$pattern" "${files[@]}" | grep -vE '^[^:]+:[0-9]+: *//' || true)
  if [[ -n $found ]]; then
    breaches=1
    awk -v rule="$rule" '{print $0 "   <- " rule}' <<<"$found"
  fi
}
includes() { echo "^ *# *include *[<\"]($1)"; }

forbid 'policies stand alone' "$(includes '(sim|real-runtime|scenarios|reports|cli|tests|bench)/')" policies
forbid 'scenarios and reports know no world' "$(includes '(sim|real-runtime|cli)/')" scenarios reports
forbid 'scenarios know no reports' "$(includes 'reports/')" scenarios
forbid 'sim and real-runtime do not know each other' "$(includes '(real-runtime|cli)/')" sim
forbid 'sim and real-runtime do not know each other' "$(includes '(sim|cli)/')" real-runtime
forbid 'SimGrid is included by sim/simgrid_* only' "$(includes '(simgrid|xbt)[/.]')" \
  policies scenarios reports sim real-runtime cli bench tests -- '^sim/simgrid_|^tests/'
forbid 'libpq, hiredis and libuv are for real-runtime only' "$(includes '(libpq-fe|hiredis|uv|postgresql)[/.]')" \
  policies scenarios reports sim cli tests bench
forbid 'hiredis, libpq and libuv are included by sources, not by headers' "$(includes '(hiredis|libpq-fe|uv|postgresql)[/.]')" \
  real-runtime -- '\.cpp$'
forbid 'cpp-httplib is included by real-runtime/http_server.cpp only' "$(includes 'httplib')" \
  policies scenarios reports sim real-runtime cli bench tests -- '^real-runtime/http_server\.cpp$'
forbid 'the core reads no clock' \
  '(system_clock|steady_clock|high_resolution_clock)|[^_[:alnum:]](gettimeofday|clock_gettime|std::time|time\(NULL\)|time\(nullptr\))' \
  policies
forbid 'the core reads no environment' '[^_[:alnum:]](getenv|secure_getenv|setlocale)\b' policies
forbid 'the core draws from its own generators' 'std::[a-z_]*_distribution\b|std::(random_device|mt19937|rand\b|shuffle)' policies
forbid 'distributions of the standard library differ between libraries' 'std::[a-z_]*_distribution\b|std::random_device' \
  scenarios sim
forbid 'the core owns no thread and does no file I/O' 'std::(jthread|thread|mutex|ifstream|ofstream|fstream)\b|[^_[:alnum:]]fopen\(' \
  policies -- '^policies/core/journal'

while read -r lines file; do
  breaches=1
  echo "$file: $lines lines   <- at most 600 lines: one idea each"
done < <(find policies sim real-runtime scenarios reports cli tests bench -name '*.[ch]pp' -exec wc -l {} + 2>/dev/null |
  awk '$2 != "total" && $1 > 600')

exit "$breaches"
