// A result: what each variant gave, and how its waits were distributed.
import uPlot from "uplot";
import { lineChart } from "./charts";
import type { DistributionLine, MetricRow, Result } from "./data";
import { asTable, button, chooser, el, section, svg, table } from "./dom";
import { inShort, named, short, shown, tick, ticks } from "./format";
import { colour, lineColour, onTheme } from "./theme";

const nameOf = (variant: string) => variant || "value";

function headOf(result: Result): string[] {
  return ["", ...result.variants.map((v) => {
    const bad = v.failed + v.partial;
    const name = inShort(nameOf(v.name));
    return bad > 0 ? `${name} (${bad} of ${v.runs} runs missing)` : name;
  })];
}

function metricsTable(result: Result, rows: MetricRow[]): HTMLElement {
  const lines = rows.map((row) => {
    const info = result.info[row.metric]!;
    const label = el("span", { title: info.help }, named(info));
    return [label, ...row.cells.map((cell, i) => {
      const text = cell === null ? "\u2013" : shown(info, cell.mean, cell.half);
      const best = row.best !== null && row.best === result.variants[i]!.name;
      return best ? { text: el("strong", {}, `${text} \u2605`), class: "best" } : text;
    })];
  });
  const runs = result.variants.some((v) => v.runs > 1) ? "mean \u00b1 half-width of its 95 % interval; " : "";
  return table(`Metrics of ${result.label} (${runs}\u2605: shown to be best)`, headOf(result), lines);
}

// A line for each variant: its mean with the interval, and a dot for each seed.
function dotPlot(result: Result, row: MetricRow, width: number): SVGElement {
  const info = result.info[row.metric]!;
  const compact = width < 480;
  const left = compact ? 8 : Math.min(190, 16 + 7.5 * Math.max(...result.variants.map((v) => Math.min(24, nameOf(v.name).length))));
  const line = compact ? 40 : 28;
  const height = line * result.variants.length + 34;
  const f = info.factor;
  let low = 0;
  let high = 0;
  for (const cell of row.cells) {
    if (cell === null) continue;
    for (const value of [cell.mean - (cell.half ?? 0), cell.mean + (cell.half ?? 0), ...(cell.values ?? []).map((v) => v[1])]) {
      low = Math.min(low, value * f);
      high = Math.max(high, value * f);
    }
  }
  if (high === low) high = low + 1;
  const right = 14;
  const place = (value: number) => left + ((value - low) / (high - low)) * (width - left - right);
  const chart = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${named(info)} by variant` });
  for (const value of ticks(low, high, compact ? 3 : 6)) {
    const x = place(value);
    chart.append(svg("line", { x1: x, x2: x, y1: 4, y2: height - 26, stroke: colour("grid") }));
    const anchor = x < left + 10 ? "start" : x > width - 30 ? "end" : "middle";
    chart.append(svg("text", { x, y: height - 10, "text-anchor": anchor, class: "axis" }, tick(value)));
  }
  row.cells.forEach((cell, i) => {
    const y = line * i + (compact ? 26 : 16);
    const name = nameOf(result.variants[i]!.name);
    const cut = compact ? 40 : 24;
    chart.append(svg("text", compact ? { x: left, y: y - 10, class: "name" } : { x: left - 10, y: y + 4, "text-anchor": "end", class: "name" },
      svg("title", {}, name), name.length > cut ? name.slice(0, cut - 1) + "\u2026" : name));
    if (cell === null) return;
    for (const [seed, value] of cell.values ?? [])
      chart.append(svg("circle", { cx: place(value * f), cy: y, r: 3.5, fill: lineColour(0), "fill-opacity": 0.3 },
        svg("title", {}, `${name}, seed ${seed}: ${short(value * f)} ${info.unit}`)));
    if (cell.half !== undefined)
      chart.append(svg("line", { x1: place((cell.mean - cell.half) * f), x2: place((cell.mean + cell.half) * f), y1: y, y2: y, stroke: lineColour(1), "stroke-width": 3 }));
    chart.append(svg("circle", { cx: place(cell.mean * f), cy: y, r: 5, fill: lineColour(1), stroke: colour("card"), "stroke-width": 1.5 },
      svg("title", {}, `${name}: ${shown(info, cell.mean, cell.half)} ${info.unit}`)));
  });
  return chart;
}

function dots(result: Result): HTMLElement | null {
  const rows = result.metrics.filter((row) => row.main && row.cells.some((cell) => cell !== null));
  if (rows.length === 0 || result.variants.length < 2) return null;
  let row = rows.find((r) => r.metric === "wait_s.mean") ?? rows[0]!;
  const box = el("div", { class: "plot" });
  const draw = () => {
    if (box.clientWidth > 0) box.replaceChildren(dotPlot(result, row, box.clientWidth));
  };
  new ResizeObserver(draw).observe(box);
  onTheme(draw);
  const options = rows.map((r): [string, string] => [r.metric, named(result.info[r.metric]!)]);
  return el("figure", { class: "chart", tabindex: "0", role: "group", "aria-label": "Variants by one metric: chart; the table has the same figures" },
    el("figcaption", {}, result.variants.some((v) => v.runs > 1) ? "Variants side by side: mean, its 95 % interval, and each seed" : "Variants side by side"),
    chooser("Metric", options, row.metric, (metric) => {
      row = rows.find((r) => r.metric === metric)!;
      draw();
    }), box);
}

function cdf(result: Result, metric: string, lines: DistributionLine[], log: boolean): HTMLElement {
  const info = result.info[`${metric}.mean`];
  const factor = info?.factor ?? 1;
  const unit = info?.unit ?? "";
  const positive = lines.flatMap((line) => line.at.filter((v) => v > 0));
  const least = positive.length > 0 ? positive.reduce((a, b) => Math.min(a, b)) * factor : 1;
  const tables = lines.map((line) => {
    const at = line.at.map((v) => (log ? Math.max(v * factor, least / 2) : v * factor));
    const keep = at.map((v, i) => i + 1 === at.length || at[i + 1]! > v);
    const of = (values: number[]) => values.filter((_, i) => keep[i]);
    return [of(at), of(line.part), of(line.high), of(line.low)] as uPlot.AlignedData;
  });
  const joined = uPlot.join(tables) as unknown as (number | null)[][];
  // A step that a line has not is where it was before.
  for (const column of joined.slice(1)) {
    let last: number | null = null;
    for (let i = 0; i < column.length; ++i) column[i] = last = column[i] ?? last;
  }
  const several = lines.length <= 3;
  const noun = metric === "wait_s" ? "wait" : metric === "response_s" ? "response time" : metric;
  return lineChart({
    title: `Part of the jobs with a ${noun} of at most so much`, x: joined[0] as number[], xLabel: `${noun}${unit ? `, ${unit}` : ""}${log ? " (logarithmic)" : ""}`,
    yLabel: "part of jobs", logX: log, yRange: [0, 1], height: 300,
    lines: lines.map((line, i) => ({
      name: nameOf(line.variant), values: joined[1 + 3 * i]!, stepped: true,
      ...(several && line.runs > 1 ? { high: joined[2 + 3 * i]!, low: joined[3 + 3 * i]! } : {}),
    })),
  });
}

function distribution(result: Result, metric: string, lines: DistributionLine[]): HTMLElement {
  if (lines.every((line) => line.at.length === 1 && line.at[0] === lines[0]!.at[0])) {
    const info = result.info[`${metric}.mean`];
    return el("p", {}, `All are the same: ${info ? `${shown(info, lines[0]!.at[0]!)} ${info.unit}` : short(lines[0]!.at[0]!)}.`);
  }
  const spread = lines.some((line) => {
    const middle = line.at[line.part.findIndex((part) => part >= 0.5)] ?? 0;
    return line.at[line.at.length - 1]! > 20 * middle;
  });
  const box = el("div");
  const draw = (log: boolean) => box.replaceChildren(cdf(result, metric, lines, log));
  draw(spread);
  const several = lines.length <= 3 && lines.some((line) => line.runs > 1);
  return el("div", {},
    chooser("Scale", [["log", "logarithmic"], ["linear", "linear"]], spread ? "log" : "linear", (value) => draw(value === "log")), box,
    el("p", { class: "hint" }, `${lines.some((line) => line.runs > 1) ? `Mean over the seeds of each variant${several ? "; the band has all of them" : ""}. ` : ""}Each run is known at about a hundred points.${
      spread ? " On the logarithmic scale what is 0 stands at the left end." : ""}`));
}

// The distributions of all results in the same charts.
export function showDistributions(results: Result[]): HTMLElement[] {
  const several = results.length > 1;
  const leaf = (label: string) => label.split("/").filter(Boolean).pop() ?? label;
  const metrics = [...new Set(results.flatMap((result) => result.distributions.map((d) => d.metric)))];
  return metrics.map((metric) => {
    const lines = results.flatMap((result) => (result.distributions.find((d) => d.metric === metric)?.lines ?? [])
      .map((line) => (several ? { ...line, variant: [leaf(result.label), line.variant].filter(Boolean).join(": ") } : line)));
    const title = metric === "wait_s" ? "Waits" : metric === "response_s" ? "Response times" : metric;
    return lines.length > 0 ? section(title, distribution(results[0]!, metric, lines)) : null;
  }).filter((s): s is HTMLElement => s !== null);
}

export function showResult(result: Result, several: boolean): HTMLElement {
  const main = result.metrics.filter((row) => row.main);
  const place = el("div", {}, metricsTable(result, main));
  const all = main.length === result.metrics.length ? null : button(`Show all ${result.metrics.length} metrics`, "Show all metrics", () => {
    place.replaceChildren(metricsTable(result, result.metrics));
    all!.remove();
  });
  const made = section(several ? `Metrics: ${result.label}` : "Metrics", dots(result), place, all);
  if (result.facts.length > 0 || result.version)
    made.append(asTable(() => table("Where it comes from", ["", ""], [["drydock", result.version], ...result.facts]), "Where it comes from"));
  return made;
}
