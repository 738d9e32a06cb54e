// Line charts (uPlot), with the same ways in for mouse, finger and keyboard: drag or + and - to zoom, arrows to move, 0 for all.
import uPlot from "uplot";
import { asTable, button, el, table } from "./dom";
import { short, tick } from "./format";
import { colour, dashOf, lineColour, onTheme } from "./theme";

export interface Line {
  name: string;
  values: (number | null)[];
  colour?: number;          // of the palette; else by its place
  low?: (number | null)[];  // a band around it
  high?: (number | null)[];
  stepped?: boolean;
}
export interface Mark { from: number; to: number | null; name: string }
export interface ChartOptions {
  title: string;
  x: number[];
  xLabel: string;
  yLabel: string;
  lines: Line[];
  marks?: Mark[];
  sync?: string;
  logX?: boolean;
  yRange?: [number, number];
  height?: number;
  say?: (x: number) => string;  // x in words
}

function size(box: HTMLElement, height: number) {
  return { width: Math.max(200, Math.floor(box.clientWidth)), height };
}

function axis(label: string, isX: boolean): uPlot.Axis {
  return {
    label, labelSize: isX ? 22 : 20, size: isX ? 34 : 58, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
    stroke: () => colour("soft"), grid: { stroke: () => colour("grid"), width: 1 }, ticks: { stroke: () => colour("grid"), width: 1 },
    ...(isX ? {} : { values: (_: uPlot, splits: number[]) => splits.map((v) => (v === null ? "" : tick(v))) }),
  };
}

// Behind the lines: spans in which a fault held, and instants of others.
function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const mark of marks) {
    const from = plot.valToPos(mark.from, "x", true);
    const to = mark.to === null ? from : plot.valToPos(mark.to, "x", true);
    if (to < bbox.left || from > bbox.left + bbox.width) continue;
    ctx.fillStyle = colour("fault");
    ctx.globalAlpha = 0.14;
    if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.globalAlpha = 0.75;
    ctx.fillRect(from - 0.5, bbox.top, 1, bbox.height);
  }
  ctx.restore();
}

function zoom(plot: uPlot, factor: number, whole: [number, number]): void {
  const { min, max } = plot.scales.x as { min: number; max: number };
  const middle = (min + max) / 2;
  const half = Math.max((max - min) * factor / 2, (whole[1] - whole[0]) * 1e-6);
  setX(plot, [middle - half, middle + half], whole);
}
function move(plot: uPlot, part: number, whole: [number, number]): void {
  const { min, max } = plot.scales.x as { min: number; max: number };
  const by = Math.max(whole[0] - min, Math.min(whole[1] - max, (max - min) * part));
  setX(plot, [min + by, max + by], whole);
}
function setX(plot: uPlot, [min, max]: [number, number], whole: [number, number]): void {
  plot.setScale("x", { min: Math.max(min, whole[0]), max: Math.min(max, whole[1]) });
}

export function lineChart(options: ChartOptions): HTMLElement {
  const { x, lines } = options;
  const box = el("div", { class: "plot" });
  const whole: [number, number] = [x[0] ?? 0, x[x.length - 1] ?? 1];
  const data: (number | null)[][] = [x];
  const series: uPlot.Series[] = [{ label: "at", value: (_, v) => (v === null ? "\u2013" : (options.say ?? short)(v)) }];
  const bands: uPlot.Band[] = [];
  const paths = (stepped?: boolean) => (stepped ? uPlot.paths.stepped!({ align: 1 }) : undefined);
  lines.forEach((line, i) => {
    const place = line.colour ?? i;
    if (line.low && line.high) {
      for (const edge of [line.high, line.low]) {
        data.push(edge);
        series.push({ label: "", show: true, width: 0, points: { show: false }, paths: paths(line.stepped), stroke: "transparent", class: "edge" });
      }
      bands.push({ series: [data.length - 2, data.length - 1], fill: () => lineColour(place) + "2b" });
    }
    data.push(line.values);
    series.push({
      label: line.name, stroke: () => lineColour(place), width: 1.75, dash: dashOf(place), points: { show: false }, spanGaps: true,
      paths: paths(line.stepped), value: (_, v) => (v === null || v === undefined ? "\u2013" : short(v)),
    });
  });
  const height = options.height ?? 240;
  let plot: uPlot | null = null;
  const make = () => {
    plot = new uPlot({
      ...size(box, height), series, bands,
      scales: { x: { time: false, distr: options.logX ? 3 : 1, range: (_, low, high) => (low === null || low === high ? whole : [low, high]) }, y: options.yRange ? { range: options.yRange } : { range: (_, low, high) => around(low, high) } },
      axes: [axis(options.xLabel, true), axis(options.yLabel, false)],
      cursor: { drag: { x: true, y: false }, ...(options.sync ? { sync: { key: options.sync, scales: ["x", null] } } : {}) },
      legend: { live: true },
      hooks: {
        drawClear: [(p) => drawMarks(p, options.marks ?? [])],
        setScale: [(p, key) => {
          if (key !== "x") return;
          box.dataset.from = String(p.scales.x!.min);
          box.dataset.to = String(p.scales.x!.max);
        }],
      },
    }, data as uPlot.AlignedData, box);
    box.dataset.ready = "1";
  };
  const watch = new ResizeObserver(() => {
    if (box.clientWidth === 0) return;
    if (plot === null) make();
    else if (plot.width !== size(box, height).width) plot.setSize(size(box, height));
  });
  watch.observe(box);
  onTheme(() => plot?.redraw(false));
  const act = (what: (p: uPlot) => void) => () => { if (plot) what(plot); };
  const tools = el("div", { class: "tools" },
    button("+", `Zoom in: ${options.title}`, act((p) => zoom(p, 0.5, whole))),
    button("\u2212", `Zoom out: ${options.title}`, act((p) => zoom(p, 2, whole))),
    button("\u2190", `Earlier: ${options.title}`, act((p) => move(p, -0.25, whole))),
    button("\u2192", `Later: ${options.title}`, act((p) => move(p, 0.25, whole))),
    button("All", `Show all: ${options.title}`, act((p) => setX(p, whole, whole))));
  const figure = el("figure", { class: "chart", tabindex: "0", role: "group", "aria-label": `${options.title}: chart. Plus and minus zoom, arrows move, 0 shows all.` },
    el("figcaption", {}, options.title), tools, box, asTable(() => figures(options)));
  let cursor = -1;
  figure.addEventListener("keydown", (event) => {
    if (event.target !== figure || plot === null) return;
    if (event.key === "+" || event.key === "=") zoom(plot, 0.5, whole);
    else if (event.key === "-") zoom(plot, 2, whole);
    else if (event.key === "0") setX(plot, whole, whole);
    else if (event.key === "ArrowLeft" && event.shiftKey) move(plot, -0.25, whole);
    else if (event.key === "ArrowRight" && event.shiftKey) move(plot, 0.25, whole);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      cursor = Math.max(0, Math.min(x.length - 1, cursor + (event.key === "ArrowRight" ? 1 : -1) * Math.max(1, Math.floor(x.length / 100))));
      plot.setCursor({ left: plot.valToPos(x[cursor]!, "x"), top: plot.over.clientHeight / 2 });
    } else return;
    event.preventDefault();
  });
  return figure;
}

// With zero in it where that is not far.
function around(low: number, high: number): [number, number] {
  if (low === null || high === null || low === undefined) return [0, 1];
  const from = low >= 0 ? 0 : low * 1.05;
  const to = high <= 0 ? 0 : high * 1.05;
  return from === to ? [from, from + 1] : [from, to];
}

const kRowsMost = 200;
function figures(options: ChartOptions): HTMLElement {
  const step = Math.ceil(options.x.length / kRowsMost);
  const rows = [];
  for (let i = 0; i < options.x.length; i += step)
    rows.push([(options.say ?? short)(options.x[i]!), ...options.lines.map((line) => (line.values[i] == null ? "\u2013" : short(line.values[i]!)))]);
  const caption = step > 1 ? `${options.title} (each ${step}th point)` : options.title;
  return table(caption, [options.xLabel, ...options.lines.map((line) => line.name)], rows);
}
