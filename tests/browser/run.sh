#!/usr/bin/env bash
# run.sh DRYDOCK SOURCE_DIR BINARY_DIR: the page of reports in headless Chromium, and its types. Exit 77, which ctest takes for skipped, where there is
# no Chromium, Node.js or npm, or drydock was built without the page.
set -euo pipefail
export LC_ALL=C.UTF-8
drydock=$1 source=$2 work=$3/browser

skip() {
  echo "skipped: $*"
  exit 77
}
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[[ -n $chromium ]] || skip "there is no Chromium here (Debian: apt-get install chromium)"
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then skip "there is no Node.js with npm here"; fi
[[ -d $3/web/node_modules ]] || skip "drydock was built without the page of reports"

mkdir -p "$work"
cp "$source"/tests/browser/{package.json,package-lock.json,.npmrc} "$work"
if ! cmp -s "$work/package-lock.json" "$work/installed"; then
  (cd "$work" && npm ci --ignore-scripts --loglevel=error)
  cp "$work/package-lock.json" "$work/installed"
fi

# The types of the page, with those of its library from where that was installed.
cat >"$work/tsconfig.json" <<JSON
{"extends": "$source/reports/web/tsconfig.json",
 "compilerOptions": {"paths": {"uplot": ["$3/web/node_modules/uplot/dist/uPlot.d.ts"]}},
 "include": ["$source/reports/web/src"]}
JSON
node "$work/node_modules/typescript/bin/tsc" --noEmit -p "$work/tsconfig.json"

cp "$source"/tests/browser/*.mjs "$work"
DRYDOCK=$drydock CHROMIUM=$chromium node --test --test-concurrency=1 "$work/report_test.mjs"
