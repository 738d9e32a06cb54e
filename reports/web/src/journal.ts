// A run as its journal tells it: queue, use, drift and shares over time, what ran where, failures.
import { lineChart, type Line } from "./charts";
import type { Failure, Journal, Series } from "./data";
import { button, el, section, svg, table } from "./dom";
import { axisUnit, short, span, ticks } from "./format";
import { gantt, hostOf } from "./gantt";
import { colour, onTheme } from "./theme";

function timeChart(journal: Journal, title: string, unit: string, lines: Line[], height?: number): HTMLElement {
  const [size, name] = axisUnit(journal.to - journal.from);
  const count = Math.max(...lines.map((line) => line.values.length));
  const x = Array.from({ length: count }, (_, i) => (journal.from + i * journal.bucket) / size);
  // The last bucket lasts to its end.
  x.push(journal.to / size);
  const longer = (values: (number | null)[]) => [...values, values[values.length - 1] ?? null];
  const marks = marked(journal).map((f) => ({ from: f.from / size, to: f.to !== null ? f.to / size : f.lasts ? journal.to / size : null, name: f.type }));
  return lineChart({
    title, x, xLabel: name, yLabel: unit, marks, sync: journal.label, height: height ?? 220, say: (v) => span(v * size),
    lines: lines.map((line) => ({ ...line, values: longer(line.values), ...(line.low ? { low: longer(line.low), high: longer(line.high!) } : {}), stepped: true })),
  });
}

// Faults of single hosts are marked where they are few: many would hide everything.
const kHostFaultsMost = 40;
function marked(journal: Journal) {
  const alone = journal.faults.filter((f) => f.target !== "").length + journal.more_faults;
  return alone > kHostFaultsMost ? journal.faults.filter((f) => f.target === "") : journal.faults;
}

const band = (series: Series, place: number, name = series.name): Line => ({ name, values: series.mean, low: series.least, high: series.greatest, colour: place });

function overTime(journal: Journal, several: boolean): HTMLElement | null {
  const of = (name: string) => journal.series.find((s) => s.name === name);
  const charts: HTMLElement[] = [];
  const add = (title: string, unit: string, names: string[]) => {
    const there = names.map(of).filter((s): s is Series => s !== undefined);
    if (there.length > 0) charts.push(timeChart(journal, title, unit, there.map((s, i) => band(s, i))));
  };
  add("Queue and what runs", "jobs", ["jobs waiting", "attempts running"]);
  const live = of("cpus of live workers");
  const cpus = live?.greatest.some((v) => (v ?? 0) > 0) ? ["cpus in use", "cpus of live workers"] : ["cpus in use"];
  add("Use of the cluster", "cpus", cpus);
  const workers = of("workers live");
  if (workers && new Set([...workers.least, ...workers.greatest]).size > 2) add("Workers that the scheduler knows to live", "workers", ["workers live"]);
  add("Drift: counter less what is allocated", "cpus", ["counter drift"]);
  const waiting = journal.series.filter((s) => s.name.startsWith("waiting: "));
  if (waiting.length > 1) charts.push(timeChart(journal, "Jobs waiting, by queue", "jobs", waiting.map((s, i) => ({ name: s.name.slice(9), values: s.mean, colour: i }))));
  const shares = journal.series.filter((s) => s.name.startsWith("cpus: "));
  if (shares.length > 1) charts.push(timeChart(journal, "Who has the cluster: part of the cpus in use, by queue", "%", shareLines(shares)));
  if (charts.length === 0) return null;
  const shaded = marked(journal);
  const unmarked = journal.faults.length + journal.more_faults - shaded.length;
  const faults = `${shaded.length > 0 ? ` Shaded: ${[...new Set(shaded.map((f) => f.type))].join(", ")}.` : ""}${unmarked > 0 ? ` ${unmarked} faults of single hosts are not marked here.` : ""}`;
  return section(several ? `Over time: ${journal.title}` : "Over time", ...charts, faultTable(journal),
    el("p", { class: "hint" }, `Each point stands for ${span(journal.bucket)}: the line is the mean in it, the band has the least and the greatest value.${faults}`));
}

function shareLines(shares: Series[]): Line[] {
  return shares.map((s, i) => ({
    name: s.name.slice(6), colour: i,
    values: s.mean.map((v, t) => {
      const all = shares.reduce((sum, one) => sum + (one.mean[t] ?? 0), 0);
      return v === null || all === 0 ? null : (100 * v) / all;
    }),
  }));
}

function faultTable(journal: Journal): HTMLElement | null {
  if (journal.faults.length === 0) return null;
  const rows = journal.faults.slice(0, 200).map((f) => [f.type, f.target || "\u2013", span(f.from), f.to !== null ? span(f.to) : f.lasts ? "end of the run" : "at once"]);
  return el("details", { class: "as-table" }, el("summary", {}, "Faults"), table(`Faults${journal.more_faults > 0 ? " of all, and of the hosts drawn below" : ""}${journal.faults.length > 200 ? ", the first 200" : ""}`, ["fault", "target", "from", "to"], rows));
}

// From the fault, or where that is not known from the suspicion, to each later step.
const kSteps: [keyof Failure, string, string][] = [
  ["suspected", "missed (lease over)", "line1"], ["known", "taken for dead", "bad"], ["resumed", "lost jobs begun again", "line2"], ["returned", "worker back", "line0"]];

function failureChart(journal: Journal, failures: Failure[], width: number): SVGElement {
  const start = (f: Failure) => f.fault ?? f.suspected;
  const most = Math.max(1e-6, ...failures.flatMap((f) => kSteps.map(([key]) => (f[key] === null ? 0 : (f[key] as number) - start(f)))));
  const narrow = width < 480;
  const left = narrow ? 8 : 200;
  const line = narrow ? 38 : 24;
  const height = failures.length * line + 30;
  const place = (t: number) => left + (t / most) * (width - left - 20);
  const chart = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Failures: time until each was known and made good; the table has the figures" });
  const size = most > 7200 ? 3600 : most > 120 ? 60 : 1;
  for (const t of ticks(0, most / size, narrow ? 2 : 5)) {
    const x = place(t * size);
    chart.append(svg("line", { x1: x, x2: x, y1: 0, y2: height - 24, stroke: colour("grid") }));
    chart.append(svg("text", { x, y: height - 8, class: "axis", "text-anchor": x > width - 60 ? "end" : t === 0 ? "start" : "middle" }, span(t * size)));
  }
  failures.forEach((f, i) => {
    const y = i * line + (narrow ? 26 : 12);
    const name = `${span(start(f))}: ${hostOf(journal, f.worker)}`;
    chart.append(svg("text", narrow ? { x: left, y: y - 10, class: "name" } : { x: left - 10, y: y + 4, "text-anchor": "end", class: "name" }, svg("title", {}, name),
      name.length > 32 ? `${name.slice(0, 31)}\u2026` : name));
    const last = Math.max(...kSteps.map(([key]) => (f[key] === null ? 0 : (f[key] as number) - start(f))));
    chart.append(svg("line", { x1: place(0), x2: place(last), y1: y, y2: y, stroke: colour("soft"), "stroke-width": 2, "stroke-opacity": 0.5 }));
    chart.append(svg("rect", { x: place(0) - 4, y: y - 4, width: 8, height: 8, fill: colour(f.fault === null ? "soft" : "fault") }, svg("title", {}, f.fault === null ? "begin not known" : f.what)));
    for (const [key, what, tone] of kSteps) {
      if (f[key] === null) continue;
      const after = (f[key] as number) - start(f);
      chart.append(svg("circle", { cx: place(after), cy: y, r: 5, fill: colour(tone), stroke: colour("card") }, svg("title", {}, `${what} after ${span(after)}`)));
    }
  });
  return chart;
}

function failures(journal: Journal): HTMLElement | null {
  if (journal.failures.length === 0) return null;
  const kDrawn = 30;
  const drawn = journal.failures.slice(0, kDrawn);
  const box = el("div", { class: "plot" });
  const draw = () => {
    if (box.clientWidth > 0) box.replaceChildren(failureChart(journal, drawn, box.clientWidth));
  };
  new ResizeObserver(draw).observe(box);
  onTheme(draw);
  const spread = drawn.some((f) => kSteps.some(([key]) => f[key] !== null && (f[key] as number) - (f.fault ?? f.suspected) > 1e-3));
  const keys = el("div", { class: "legend" }, ...[["fault", "fault"], ...kSteps.map(([, what, tone]) => [tone, what])].map(([tone, what]) => {
    const mark = el("i");
    mark.style.background = `var(--${tone})`;
    return el("span", { class: "key" }, mark, what!);
  }));
  const after = (f: Failure, key: keyof Failure) => (f[key] === null ? "\u2013" : span((f[key] as number) - (f.fault ?? f.suspected)));
  const rows = journal.failures.map((f) => [hostOf(journal, f.worker), f.what || "none of its own", span(f.fault ?? f.suspected), after(f, "suspected"), after(f, "known"), String(f.lost), after(f, "resumed"), after(f, "returned")]);
  const kept = journal.failures.length < journal.failures_in_all ? ` The first ${journal.failures.length} of ${journal.failures_in_all} are in this report.` : "";
  const make = (shown: typeof rows) => table(shown.length < rows.length ? `Failures, the first ${shown.length}` : "Failures",
    ["worker", "fault", "at", "missed after", "taken for dead after", "attempts lost", "lost jobs begun again after", "worker back after"], shown);
  const place = el("div", {}, make(rows.slice(0, kDrawn)));
  const all = rows.length <= kDrawn ? null : button(`Show all ${rows.length} failures`, "Show all failures", () => {
    place.replaceChildren(make(rows));
    all!.remove();
  });
  const unknown = journal.failures.some((f) => f.fault === null) ? " Where the beginning is not known, times are counted from when the worker was missed." : "";
  return section("Failures: how they were found and made good",
    spread ? el("figure", { class: "chart", tabindex: "0", role: "group", "aria-label": "Failures: chart; the table has the figures" },
      el("figcaption", {}, `Time from the fault, for ${drawn.length < journal.failures.length ? `the first ${drawn.length} failures` : "each failure"}`), keys, box) : null,
    place, all,
    el("p", { class: "hint" }, `Times are after the fault.${kept}${unknown}`));
}

export function showJournal(journal: Journal, several: boolean): HTMLElement[] {
  const about = section(`Journal: ${journal.title}`, el("p", {}, `${journal.attempts} attempts on ${journal.workers} workers, ${journal.steps} steps of the scheduler, ${span(journal.to - journal.from)}. `, el("code", {}, journal.label)),
    ...journal.notes.map((note) => el("p", { class: "hint" }, note)));
  const chart = journal.gantt.rows.some((row) => row.bars.length > 0) ? section("Workers", gantt(journal)) : null;
  const utilised = journal.series.find((s) => s.name === "cpus in use");
  const live = journal.series.find((s) => s.name === "cpus of live workers");
  if (utilised && live) {
    const sum = (s: Series) => s.mean.reduce<number>((a, v) => a + (v ?? 0), 0);
    if (sum(live) > 0) about.append(el("p", {}, `In use on average: ${short((100 * sum(utilised)) / sum(live))} % of the cpus of live workers.`));
  }
  return [about, overTime(journal, several), chart, failures(journal)].filter((s): s is HTMLElement => s !== null);
}
