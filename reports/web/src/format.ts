// Figures as text.
import type { MetricInfo } from "./data";

const kMinus = "\u2212";

export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(Math.max(0, Math.min(12, decimals)));
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", kMinus);
}

// Decimals for a value and its half-width: two digits of that if the value then has at most five, else one.
export function decimalsFor(value: number, half: number): number {
  const size = Math.floor(Math.log10(half));
  const two = 1 - size;
  const digits = Math.floor(Math.log10(Math.max(Math.abs(value), half))) + 1 + two;
  return Math.max(0, digits <= 5 ? two : two - 1);
}

// Four digits.
export function short(value: number): string {
  if (value === 0) return "0";
  return fixed(value, Number.isInteger(value) ? 0 : 3 - Math.floor(Math.log10(Math.abs(value))));
}

export function withHalf(mean: number, half: number | undefined): string {
  if (half === undefined || !(half > 1e-12 * Math.abs(mean))) return short(mean);
  const decimals = decimalsFor(mean, half);
  return `${fixed(mean, decimals)} \u00b1 ${fixed(half, decimals)}`;
}

export function shown(info: MetricInfo, mean: number | null, half?: number): string {
  if (mean === null) return "\u2013";
  return withHalf(mean * info.factor, half === undefined ? undefined : half * info.factor);
}

export function named(info: MetricInfo): string {
  return info.unit ? `${info.label}, ${info.unit}` : info.label;
}

export function percent(part: number): string {
  const text = short(100 * part);
  return `${part > 0 ? "+" : ""}${text} %`;
}

const kSpans: [number, string][] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"]];

// A length of time in its two largest units.
export function span(seconds: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return "0 s";
  if (size < 1e-3) return `${short(seconds * 1e6)} \u00b5s`;
  for (let i = 0; i < kSpans.length; ++i) {
    const [unit, name] = kSpans[i]!;
    if (size < unit && i + 1 < kSpans.length) continue;
    if (unit <= 1) return `${short(Math.round(seconds / unit * 1000) / 1000)} ${name}`;
    const next = kSpans[i + 1]!;
    const parts = Math.round(size / next[0]);
    const whole = Math.floor(parts * next[0] / unit + 1e-9);
    const rest = parts - Math.round(whole * unit / next[0]);
    return `${seconds < 0 ? kMinus : ""}${whole} ${name}${rest > 0 ? ` ${rest} ${next[1]}` : ""}`;
  }
  return `${short(seconds)} s`;
}

// The unit for an axis of such a length.
export function axisUnit(seconds: number): [number, string] {
  if (seconds > 3 * 86400) return [86400, "days"];
  if (seconds > 3 * 3600) return [3600, "hours"];
  if (seconds > 600) return [60, "minutes"];
  return [1, "seconds"];
}

// For axes: as short as it can be said.
export function tick(value: number): string {
  return Number(value.toPrecision(5)).toString().replace("-", kMinus);
}

// Round values from `low` to `high`, about `count` of them.
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= rough)!;
  const all = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) all.push(i * step);
  return all;
}

// For heads of columns: long names are in full elsewhere.
export function inShort(name: string): string {
  return name.length > 40 ? `${name.slice(0, 24)}\u2026${name.slice(-14)}` : name;
}
