// A sweep: which points are worth a look, what each parameter does, all points.
import type { Point, Sweep } from "./data";
import { asTable, button, chooser, el, section, svg, table } from "./dom";
import { named, short, shown, tick, ticks } from "./format";
import { colour, lineColour, onTheme } from "./theme";

const leaf = (name: string) => name.split("/").filter(Boolean).pop() ?? name;
function shortNames(sweep: Sweep): string[] {
  const names = sweep.parameters.map((p) => leaf(p.name));
  return names.map((name, i) => (names.filter((n) => n === name).length > 1 ? sweep.parameters[i]!.name : name));
}
const value = (point: Point, metric: string) => point.metrics[metric]?.mean ?? null;
const sayPoint = (point: Point) => `point ${point.point}: ${Object.entries(point.values).map(([k, v]) => `${leaf(k)} ${v}`).join(", ")}`;

function scatter(sweep: Sweep, x: string, y: string, width: number): SVGElement {
  const height = Math.min(380, Math.max(260, width * 0.5));
  const [left, right, top, bottom] = [62, 16, 12, 46];
  const [xi, yi] = [sweep.info[x]!, sweep.info[y]!];
  const points = sweep.points.filter((p) => value(p, x) !== null && value(p, y) !== null);
  const range = (values: number[]) => {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const pad = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - pad, high + pad] as const;
  };
  const xr = range(points.map((p) => value(p, x)! * xi.factor));
  const yr = range(points.map((p) => value(p, y)! * yi.factor));
  const px = (v: number) => left + ((v - xr[0]) / (xr[1] - xr[0])) * (width - left - right);
  const py = (v: number) => height - bottom - ((v - yr[0]) / (yr[1] - yr[0])) * (height - top - bottom);
  const chart = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${named(yi)} against ${named(xi)}` });
  for (const v of ticks(yr[0], yr[1], 5)) {
    chart.append(svg("line", { x1: left, x2: width - right, y1: py(v), y2: py(v), stroke: colour("grid") }));
    chart.append(svg("text", { x: left - 6, y: py(v) + 4, "text-anchor": "end", class: "axis" }, tick(v)));
  }
  for (const v of ticks(xr[0], xr[1], width < 480 ? 3 : 6)) {
    chart.append(svg("line", { x1: px(v), x2: px(v), y1: top, y2: height - bottom, stroke: colour("grid") }));
    chart.append(svg("text", { x: px(v), y: height - bottom + 18, "text-anchor": "middle", class: "axis" }, tick(v)));
  }
  chart.append(svg("text", { x: left + (width - left - right) / 2, y: height - 6, "text-anchor": "middle", class: "axis" }, named(xi)));
  chart.append(svg("text", { x: left, y: 10, class: "axis" }, named(yi)));
  const best = sweep.recommendation?.best;
  const front = new Set(sweep.front ?? []);
  for (const point of [...points].sort((a, b) => Number(front.has(a.point)) - Number(front.has(b.point)))) {
    const on = front.has(point.point);
    const text = `${sayPoint(point)}; ${named(xi)}: ${shown(xi, value(point, x))}; ${named(yi)}: ${shown(yi, value(point, y))}${on ? "; on the front" : ""}${point.point === best ? "; recommended" : ""}`;
    const dot = svg("circle", { cx: px(value(point, x)! * xi.factor), cy: py(value(point, y)! * yi.factor), r: on ? 6 : 4.5, tabindex: 0, role: "img", "aria-label": text,
      fill: on ? lineColour(1) : lineColour(0), "fill-opacity": on ? 0.95 : 0.45, class: "point" }, svg("title", {}, text));
    if (point.point === best) {
      dot.setAttribute("stroke", colour("text"));
      dot.setAttribute("stroke-width", "2");
    }
    chart.append(dot);
  }
  return chart;
}

function pareto(sweep: Sweep, metrics: string[]): HTMLElement | null {
  if (metrics.length < 2) return null;
  const wanted = (sweep.pareto ?? []).filter((m) => metrics.includes(m));
  let [x, y] = wanted.length >= 2 ? [wanted[0]!, wanted[1]!] : [metrics[0]!, metrics[1]!];
  const box = el("div", { class: "plot" });
  const said = el("p", { class: "hint", "aria-live": "polite" }, "\u00a0");
  const draw = () => {
    if (box.clientWidth > 0) box.replaceChildren(scatter(sweep, x, y, box.clientWidth));
  };
  for (const event of ["focusin", "mouseover", "click"]) {
    box.addEventListener(event, (e) => {
      const text = (e.target as Element).getAttribute?.("aria-label");
      if (text && (e.target as Element).classList.contains("point")) said.textContent = text;
    });
  }
  new ResizeObserver(draw).observe(box);
  onTheme(draw);
  const options = metrics.map((m): [string, string] => [m, named(sweep.info[m]!)]);
  const caption = sweep.front ? "One metric against another; the orange ones none beats in all metrics of the front at once" : "One metric against another";
  return el("figure", { class: "chart" }, el("figcaption", {}, caption),
    chooser("Across", options, x, (m) => { x = m; draw(); }), chooser("Up", options, y, (m) => { y = m; draw(); }), box, said);
}

// Blue for what is little, through white, to orange for what is much.
function shade(part: number): string {
  const [r, g, b] = part < 0.5 ? [0, 114, 178] : [213, 94, 0];
  return `rgba(${r}, ${g}, ${b}, ${(Math.abs(part - 0.5) * 1.3).toFixed(3)})`;
}

function heatTable(sweep: Sweep, across: number, down: number, metric: string): HTMLElement {
  const info = sweep.info[metric]!;
  const levels = (p: number) => [...new Set(sweep.points.map((point) => point.values[sweep.parameters[p]!.name] ?? ""))];
  const [columns, lines] = [levels(across), levels(down)];
  const mean = (column: string, row: string) => {
    const values = sweep.points.filter((p) => p.values[sweep.parameters[across]!.name] === column && p.values[sweep.parameters[down]!.name] === row)
      .map((p) => value(p, metric)).filter((v): v is number => v !== null);
    return values.length > 0 ? values.reduce((a, b) => a + b) / values.length : null;
  };
  const cells = lines.map((row) => columns.map((column) => mean(column, row)));
  const all = cells.flat().filter((v): v is number => v !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const names = shortNames(sweep);
  const made = table(`${named(info)}: mean over the points with ${names[down]} (down) and ${names[across]} (across)`, [`${names[down]} \\ ${names[across]}`, ...columns],
    lines.map((row, i) => [row, ...cells[i]!.map((v) => shown(info, v))]));
  made.classList.add("heat");
  made.querySelectorAll<HTMLElement>("tbody td").forEach((cell, i) => {
    const v = cells.flat()[i];
    if (v != null) cell.style.background = shade(high > low ? (v - low) / (high - low) : 0.5);
  });
  return made;
}

function heat(sweep: Sweep, metrics: string[]): HTMLElement | null {
  const names = shortNames(sweep);
  if (sweep.parameters.length < 2 || metrics.length === 0 || sweep.points.length > 2000) return null;
  const many = sweep.parameters.map((p) => new Set(sweep.points.map((point) => point.values[p.name])).size);
  if (Math.max(...many) > 60) return null;
  let [across, down, metric] = [0, 1, metrics[0]!];
  const box = el("div");
  const draw = () => box.replaceChildren(heatTable(sweep, across, down, metric));
  draw();
  const options = names.map((name, i): [string, string] => [String(i), name]);
  return section("Heatmap", chooser("Metric", metrics.map((m): [string, string] => [m, named(sweep.info[m]!)]), metric, (m) => { metric = m; draw(); }),
    chooser("Across", options, "0", (v) => { across = Number(v); draw(); }), chooser("Down", options, "1", (v) => { down = Number(v); draw(); }), box,
    el("p", { class: "hint" }, "Blue: least; orange: most."));
}

function effects(sweep: Sweep): HTMLElement | null {
  if (!sweep.effects || sweep.effects.length === 0) return null;
  const rows = sweep.effects.map((e) => {
    const info = sweep.info[e.metric];
    const f = info?.factor ?? 1;
    return [info ? named(info) : e.metric, leaf(e.parameter), e.range === null ? "\u2013" : short(e.range * f), e.interval ? `${short(e.interval[0] * f)} to ${short(e.interval[1] * f)}` : "\u2013",
      { text: e.shown ? "shown" : "no effect shown", class: e.shown ? "" : "soft" }, e.levels.map((l) => `${l.level}: ${l.mean === null ? "\u2013" : short(l.mean * f)}`).join(", ")];
  });
  return section("What each parameter does", table("Range of a metric's mean over the levels of a parameter", ["metric", "parameter", "range", "interval", "", "means by level"], rows));
}

export function showSweep(sweep: Sweep): HTMLElement[] {
  const metrics = sweep.metrics.filter((m) => sweep.info[m] && sweep.points.some((p) => value(p, m) !== null));
  const names = shortNames(sweep);
  const front = new Set(sweep.front ?? []);
  const half = (e: { ci95: [number, number] | null } | undefined) => (e?.ci95 ? (e.ci95[1] - e.ci95[0]) / 2 : undefined);
  const row = (point: Point) => [
    `${point.point}${point.own ? " (as written)" : ""}${front.has(point.point) ? " \u25c6" : ""}${point.point === sweep.recommendation?.best ? " \u2605" : ""}`,
    ...sweep.parameters.map((p) => point.values[p.name] ?? ""), ...metrics.map((m) => shown(sweep.info[m]!, value(point, m), half(point.metrics[m])))];
  const caption = "All points (\u2605: recommended, \u25c6: on the front)";
  const make = (points: Point[]) => table(caption, ["point", ...names, ...metrics.map((m) => named(sweep.info[m]!))], points.map(row));
  const kFirst = 50;
  const place = el("div", {}, make(sweep.points.slice(0, kFirst)));
  const all = sweep.points.length <= kFirst ? null : button(`Show all ${sweep.points.length} points`, "Show all points", () => {
    place.replaceChildren(make(sweep.points));
    all!.remove();
  });
  const plot = pareto(sweep, metrics);
  const sections = [plot ? section("Trade-offs", plot) : null, heat(sweep, metrics), effects(sweep), section("Points", place, all,
    asTable(() => table("Parameters", ["parameter", "values"], sweep.parameters.map((p) => [p.name, p.given])), "Parameters"))];
  return sections.filter((s): s is HTMLElement => s !== null);
}
