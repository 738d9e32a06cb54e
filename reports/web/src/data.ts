// What the page is given: drydock.report/1, which ../report_page_data.cpp writes. Times are in seconds.

export interface MetricInfo { label: string; unit: string; factor: number; better: string; help: string }
export type Infos = Record<string, MetricInfo>;
export interface Cell { mean: number; n: number; half?: number; values?: [number, number][] }
export interface MetricRow { metric: string; main: boolean; best: string | null; cells: (Cell | null)[] }
export interface Variant { name: string; runs: number; partial: number; failed: number }
export interface DistributionLine {
  variant: string; runs: number; values: number;
  at: number[]; part: number[]; low: number[]; high: number[];
}
export interface Result {
  label: string; scenario: string; version: string; real: boolean; random: boolean;
  facts: [string, string][];
  variants: Variant[];
  metrics: MetricRow[];
  info: Infos;
  distributions: { metric: string; lines: DistributionLine[] }[];
}

export interface Difference {
  metric: string; better: string | null;
  base: { mean: number }; other: { mean: number };
  change: number; student: [number, number] | null;
  relative: number | null; relative_interval: [number, number] | null;
  finding: string;
}
export interface Match {
  base: { title: string; world?: string }; other: { title: string; world?: string };
  pairing?: string; seeds?: number[];
  sentences?: string[];
  metrics: Difference[];
}
export interface Verdict { subject: string; rule: string; outcome: string; fails: boolean; why: string }
export interface Comparison {
  confidence: number; tests?: number; comparisons: Match[]; info: Infos;
  gate: { passed: boolean; verdicts: Verdict[] } | null;
}

export interface Estimate { mean: number | null; ci95: [number, number] | null; n: number }
export interface Point {
  point: number; values: Record<string, string>; own?: boolean; runs?: number; on_front?: boolean;
  metrics: Record<string, Estimate>;
}
export interface Effect {
  metric: string; parameter: string; range: number | null; interval: [number, number] | null; shown: boolean;
  levels: { level: string; mean: number | null }[];
}
export interface Sweep {
  parameters: { name: string; given: string }[];
  metrics: string[]; pareto?: string[]; points: Point[]; front?: number[] | null; effects?: Effect[];
  recommendation?: { best: number; baseline: number } | null;
  info: Infos;
}

export interface Series { name: string; unit: string; least: (number | null)[]; mean: (number | null)[]; greatest: (number | null)[] }
export interface Fault { type: string; target: string; from: number; to: number | null; lasts: boolean }
export interface Failure {
  worker: number; what: string; fault: number | null; suspected: number; known: number | null;
  lost: number; resumed: number | null; returned: number | null;
}
// from, to, lane, queue, end, job, attempt, and of several drawn together how many, and their time.
export type Bar = [number, number, number, number, number, number, number, number?, number?];
export interface GanttRow { worker: number; lanes: number; bars: Bar[] }
export interface Journal {
  label: string; title: string; queues: string[]; hosts: Record<string, string>; notes: string[];
  from: number; to: number; steps: number; workers: number; attempts: number;
  more_faults: number; failures_in_all: number; bucket: number;
  series: Series[]; faults: Fault[]; failures: Failure[];
  gantt: { together: number; drawn: number; beyond_lanes: number; rows: GanttRow[] };
}

export interface Report {
  schema: string; version: string; title: string; description: string;
  doubts: string[]; findings: string[]; notes: string[];
  results: Result[]; comparison: Comparison | null; sweep: Sweep | null; journals: Journal[];
}
