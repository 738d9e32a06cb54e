// What ran where: workers down, time across, on canvas. Drag, buttons or keys to zoom; a pointer or the arrow keys to read.
import type { Bar, Journal } from "./data";
import { asTable, button, el, table } from "./dom";
import { axisUnit, short, span } from "./format";
import { colour, lineColour, onTheme } from "./theme";

export const kEnds = ["succeeded", "failed", "stopped", "lost", "unended"];
const kHead = 22;

interface Row { worker: number; top: number; lane: number; bars: Bar[]; lanes: number }

function rowsOf(journal: Journal): { rows: Row[]; height: number } {
  let top = kHead;
  const rows = journal.gantt.rows.map((row) => {
    const lane = row.lanes > 12 ? 4 : row.lanes > 4 ? 6 : row.lanes > 1 ? 8 : 12;
    const made = { worker: row.worker, top, lane, bars: row.bars, lanes: Math.max(1, row.lanes) };
    top += Math.max(14, made.lanes * lane) + 4;
    return made;
  });
  return { rows, height: top + 2 };
}

export function hostOf(journal: Journal, worker: number): string {
  const host = journal.hosts[String(worker)];
  return host ? `worker ${worker} (${host})` : `worker ${worker}`;
}

function sayBar(journal: Journal, worker: number, bar: Bar): string {
  const [from, to, , queue, end, job, attempt, together, busy] = bar;
  const queueName = journal.queues.length > 1 ? `, queue ${journal.queues[queue] ?? queue}` : "";
  const when = `${span(from)} to ${span(to)}`;
  if (together) return `${hostOf(journal, worker)}: ${together} attempts drawn together, ${when}, busy ${short((100 * (busy ?? 0)) / (to - from || 1))} %${queueName}; at worst ${kEnds[end]}`;
  return `${hostOf(journal, worker)}: job ${job}, attempt ${attempt}${queueName}: ${kEnds[end]}, ${when} (${span(to - from)})`;
}

export function gantt(journal: Journal): HTMLElement {
  const { rows, height } = rowsOf(journal);
  const whole: [number, number] = [journal.from, Math.max(journal.to, journal.from + 1e-6)];
  let [low, high] = whole;
  const canvas = el("canvas", { role: "img", "aria-label": "Gantt chart of workers; the table below has the same in figures" });
  const tip = el("div", { class: "tip", role: "status" });
  tip.hidden = true;
  const box = el("div", { class: "gantt" }, canvas, tip);
  const left = () => (box.clientWidth < 480 ? 34 : 130);
  const place = (t: number) => left() + ((t - low) / (high - low)) * (canvas.clientWidth - left() - 8);
  const timeAt = (x: number) => low + ((x - left()) / (canvas.clientWidth - left() - 8)) * (high - low);
  let picked: { row: Row; bar: Bar } | null = null;
  let dragged: [number, number] | null = null;

  function draw(): void {
    const width = box.clientWidth;
    if (width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    const scale = Math.min(ratio, 16000 / height);
    canvas.width = Math.floor(width * scale);
    canvas.height = Math.floor(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const ctx = canvas.getContext("2d")!;
    ctx.scale(scale, scale);
    ctx.font = "11px system-ui, sans-serif";
    ctx.clearRect(0, 0, width, height);
    drawAxis(ctx, width);
    for (const row of rows) drawRow(ctx, row, width);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left(), 0, width - left() - 8, height);
    ctx.clip();
    for (const fault of journal.faults) {
      const to = fault.to ?? (fault.lasts ? journal.to : fault.from);
      if (to < low || fault.from > high) continue;
      ctx.fillStyle = colour("fault");
      const lines = fault.target ? rows.filter((row) => journal.hosts[String(row.worker)] === fault.target) : [{ top: kHead, lane: height, lanes: 1 }];
      for (const line of lines) {
        ctx.globalAlpha = 0.16;
        ctx.fillRect(place(fault.from), line.top - 1, Math.max(0, place(to) - place(fault.from)), Math.max(14, line.lane * line.lanes) + 2);
        ctx.globalAlpha = 0.8;
        ctx.fillRect(place(fault.from) - 0.5, line.top - 1, 1.2, Math.max(14, line.lane * line.lanes) + 2);
      }
    }
    ctx.globalAlpha = 0.25;
    ctx.fillStyle = colour("accent");
    if (dragged) ctx.fillRect(Math.min(...dragged), kHead, Math.abs(dragged[1] - dragged[0]), height);
    ctx.restore();
    canvas.dataset.from = String(low);
    canvas.dataset.to = String(high);
  }

  function drawAxis(ctx: CanvasRenderingContext2D, width: number): void {
    const [unit, name] = axisUnit(whole[1] - whole[0]);
    const step = niceStep((high - low) / unit / Math.max(3, Math.floor((width - left()) / 90))) * unit;
    ctx.fillStyle = colour("soft");
    ctx.textAlign = "left";
    ctx.fillText(width < 480 ? "" : `worker, ${name}`, 4, 13);
    ctx.textAlign = "center";
    for (let t = Math.ceil(low / step) * step; t <= high; t += step) {
      ctx.fillStyle = colour("grid");
      ctx.fillRect(place(t), kHead - 4, 1, height);
      ctx.fillStyle = colour("soft");
      const x = place(t);
      if (x > left() + 8 && x < width - 20) ctx.fillText(short(Math.round((t / unit) * 1e6) / 1e6) + (width < 480 ? ` ${name[0]}` : ""), x, 13);
    }
  }

  function drawRow(ctx: CanvasRenderingContext2D, row: Row, width: number): void {
    ctx.fillStyle = colour("text");
    ctx.textAlign = "right";
    const name = width < 480 ? String(row.worker) : journal.hosts[String(row.worker)] ?? `worker ${row.worker}`;
    ctx.fillText(name.length > 20 ? `${name.slice(0, 19)}\u2026` : name, left() - 6, row.top + 11);
    ctx.fillStyle = colour("lane");
    ctx.fillRect(left(), row.top, width - left() - 8, Math.max(14, row.lanes * row.lane));
    const thick = row.lanes === 1 ? 14 : row.lane;
    for (const bar of row.bars) {
      if (bar[1] < low || bar[0] > high) continue;
      const from = Math.max(left(), place(bar[0]));
      const to = Math.min(width - 8, Math.max(place(bar[1]), from + 0.6));
      const y = row.top + bar[2] * row.lane;
      ctx.fillStyle = lineColour(bar[3]);
      ctx.globalAlpha = bar[7] ? 0.35 + 0.65 * Math.min(1, (bar[8] ?? 0) / (bar[1] - bar[0] || 1)) : 1;
      ctx.fillRect(from, y + 0.5, Math.max(0.6, to - from - (to - from > 4 ? 1 : 0)), thick - 1);
      ctx.globalAlpha = 1;
      if (bar[4] === 1 || bar[4] === 3) {
        ctx.fillStyle = colour(bar[4] === 3 ? "bad" : "warn");
        ctx.fillRect(Math.max(from, to - 4), y, Math.min(4, Math.max(1.5, to - from)), thick);
      }
      if (picked && picked.bar === bar) {
        ctx.strokeStyle = colour("text");
        ctx.lineWidth = 2;
        ctx.strokeRect(from - 1, y, Math.max(3, to - from + 1), thick);
      }
    }
  }

  function show(row: Row | null, bar: Bar | null): void {
    const changed = (picked?.bar ?? null) !== bar;
    picked = row && bar ? { row, bar } : null;
    tip.hidden = picked === null;
    if (picked) {
      tip.textContent = sayBar(journal, picked.row.worker, picked.bar);
      const x = Math.max(left(), Math.min(box.clientWidth - 8, place(Math.max(low, picked.bar[0]))));
      const wide = Math.min(300, box.clientWidth - 16);
      tip.style.maxWidth = `${wide}px`;
      tip.style.left = `${Math.max(4, Math.min(box.clientWidth - wide - 8, x))}px`;
      tip.style.top = `${picked.row.top + (picked.bar[2] + 1) * picked.row.lane + 8}px`;
    }
    if (changed) draw();
  }

  function at(x: number, y: number): void {
    const row = rows.find((r) => y >= r.top && y < r.top + Math.max(14, r.lanes * r.lane));
    if (!row) return show(null, null);
    const lane = row.lanes === 1 ? 0 : Math.floor((y - row.top) / row.lane);
    const slack = ((high - low) / canvas.clientWidth) * 2;
    const t = timeAt(x);
    const bar = row.bars.find((b) => b[2] === lane && t >= b[0] - slack && t <= b[1] + slack);
    show(row, bar ?? null);
  }

  function look(from: number, to: number): void {
    const least = (whole[1] - whole[0]) * 1e-6;
    const width = Math.min(whole[1] - whole[0], Math.max(least, to - from));
    low = Math.max(whole[0], Math.min(from, whole[1] - width));
    high = low + width;
    show(null, null);
    draw();
  }
  const zoom = (factor: number) => {
    const middle = (low + high) / 2;
    look(middle - ((high - low) * factor) / 2, middle + ((high - low) * factor) / 2);
  };
  const move = (part: number) => look(low + (high - low) * part, high + (high - low) * part);
  // The next bar that is in view.
  const walk = (by: number) => {
    const seen = rows.flatMap((row) => row.bars.filter((b) => b[1] >= low && b[0] <= high).map((bar) => ({ row, bar })));
    if (seen.length === 0) return;
    const now = seen.findIndex((one) => one.bar === picked?.bar);
    const next = seen[(now + by + seen.length) % seen.length]!;
    bring(next.row);
    show(next.row, next.bar);
  };
  const nextRow = (by: number) => {
    const now = picked ? rows.indexOf(picked.row) : by > 0 ? -1 : 0;
    const row = rows[(now + by + rows.length) % rows.length]!;
    const t = picked ? picked.bar[0] : low;
    const seen = row.bars.filter((b) => b[1] >= low && b[0] <= high);
    const near = seen.reduce<Bar | null>((best, b) => (best === null || Math.abs(b[0] - t) < Math.abs(best[0] - t) ? b : best), null);
    bring(row);
    show(row, near);
  };
  // Into the part of the chart that is in view.
  function bring(row: Row): void {
    const bottom = row.top + Math.max(14, row.lanes * row.lane) + 40;
    if (row.top - kHead < box.scrollTop) box.scrollTop = row.top - kHead;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" && event.offsetX > left()) dragged = [event.offsetX, event.offsetX];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged) {
      dragged[1] = event.offsetX;
      draw();
    } else at(event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerup", (event) => {
    const [a, b] = dragged ?? [0, 0];
    dragged = null;
    if (Math.abs(b - a) > 6) look(timeAt(Math.min(a, b)), timeAt(Math.max(a, b)));
    else at(event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", () => { dragged = null; show(null, null); });
  canvas.addEventListener("dblclick", () => look(...whole));
  new ResizeObserver(draw).observe(box);
  onTheme(draw);

  const tools = el("div", { class: "tools" }, button("+", "Zoom in: Gantt chart", () => zoom(0.5)), button("\u2212", "Zoom out: Gantt chart", () => zoom(2)),
    button("\u2190", "Earlier: Gantt chart", () => move(-0.25)), button("\u2192", "Later: Gantt chart", () => move(0.25)), button("All", "Show all: Gantt chart", () => look(...whole)));
  const figure = el("figure", { class: "chart", tabindex: "0", role: "group",
    "aria-label": "What ran where. Plus and minus zoom, shift and arrows move, 0 shows all; left and right go from bar to bar, up and down from worker to worker." },
    el("figcaption", {}, "What ran where"), tools, legend(journal), box, el("p", { class: "hint" }, sayThinning(journal)), asTable(() => figures(journal)));
  const keys: Record<string, () => void> = {
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => look(...whole), Escape: () => show(null, null),
    ArrowRight: () => walk(1), ArrowLeft: () => walk(-1), ArrowDown: () => nextRow(1), ArrowUp: () => nextRow(-1),
  };
  figure.addEventListener("keydown", (event) => {
    if (event.target !== figure) return;
    if (event.shiftKey && event.key === "ArrowLeft") move(-0.25);
    else if (event.shiftKey && event.key === "ArrowRight") move(0.25);
    else if (keys[event.key]) keys[event.key]!();
    else return;
    event.preventDefault();
  });
  return figure;
}

function niceStep(rough: number): number {
  const size = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough)!;
}

function legend(journal: Journal): HTMLElement {
  const swatch = (background: string, name: string) => {
    const mark = el("i");
    mark.style.background = background;
    return el("span", { class: "key" }, mark, name);
  };
  const used = new Set(journal.gantt.rows.flatMap((row) => row.bars.map((bar) => bar[3])));
  const queues = [...used].sort((a, b) => a - b).slice(0, 10);
  return el("div", { class: "legend" }, ...queues.map((q) => swatch(`var(--line${q % 10})`, journal.queues[q] ?? `queue ${q}`)),
    swatch("var(--bad)", "ends lost"), swatch("var(--warn)", "ends failed"), ...(journal.faults.length > 0 ? [swatch("color-mix(in srgb, var(--fault) 35%, transparent)", "fault")] : []));
}

function sayThinning(journal: Journal): string {
  const { gantt } = journal;
  const parts = [];
  const drawn = gantt.rows.length;
  parts.push(drawn < journal.workers ? `${drawn} of ${journal.workers} workers are drawn: those that lost most, and others evenly between them` : `All ${drawn} workers are drawn`);
  parts.push(gantt.together > 0 ? `their ${gantt.drawn} attempts with neighbours together where attempt and gap are up to ${span(gantt.together)} long (paler: less busy)` : `with all of their ${gantt.drawn} attempts`);
  if (gantt.beyond_lanes > 0) parts.push(`${gantt.beyond_lanes} more that ran beside 32 others are not`);
  return `${parts.join("; ")}.`;
}

function figures(journal: Journal): HTMLElement {
  const rows = journal.gantt.rows.map((row) => {
    let attempts = 0;
    let busy = 0;
    const ends = [0, 0, 0, 0, 0];
    for (const bar of row.bars) {
      attempts += bar[7] ?? 1;
      ends[bar[4]]! += bar[7] ?? 1;
      busy += bar[8] ?? bar[1] - bar[0];
    }
    return [hostOf(journal, row.worker), String(attempts), span(busy), String(ends[3]), String(ends[1])];
  });
  return table("Workers that are drawn", ["worker", "attempts", "attempt time", "lost", "failed"], rows);
}
