// Recorded runs against each other: each metric with its change, and how sure that is.
import type { Comparison, Difference, Infos, Match } from "./data";
import { button, el, section, svg, table } from "./dom";
import { inShort, named, percent, short, shown } from "./format";
import { colour } from "./theme";

const kWords: Record<string, string> = {
  better: "better", worse: "worse", different: "different", equal: "equal", not_shown: "no difference shown", unknown: "cannot be said",
};

// The relative change with its interval on a line whose middle is "no change", from -100 % to 100 %. What goes on beyond the line ends in an
// arrow; a change without an interval, of which nobody knows how sure it is, is a ring.
function bar(row: Difference): Node | string {
  if (row.relative === null) return "";
  const width = 120;
  const reach = width / 2 - 4;
  const place = (part: number) => width / 2 + Math.max(-1, Math.min(1, part)) * reach;
  const tone = row.finding === "better" ? "good" : row.finding === "worse" ? "bad" : "soft";
  const known = row.relative_interval !== null && row.relative_interval !== undefined;
  const [low, high] = row.relative_interval ?? [row.relative, row.relative];
  const arrow = (to: number) => svg("path", { d: `M ${width / 2 + to * (reach - 5)} 3 l ${to * 8} 5 l ${-to * 8} 5`, class: `tone-${tone}`, "stroke-width": 2, "fill-opacity": 0 });
  const said = `${percent(row.relative)}, ${known ? `${percent(low)} to ${percent(high)}` : "no interval"}`;
  return svg("svg", { width, height: 16, class: "bar", role: "img", "aria-label": said },
    svg("title", {}, said),
    svg("line", { x1: width / 2, x2: width / 2, y1: 0, y2: 16, stroke: colour("soft"), "stroke-width": 1, "stroke-dasharray": "2 2" }),
    svg("line", { x1: place(low), x2: place(high), y1: 8, y2: 8, class: `tone-${tone}`, "stroke-width": 3 }),
    ...(low < -1 ? [arrow(-1)] : []), ...(high > 1 ? [arrow(1)] : []),
    ...(Math.abs(row.relative) > 1 ? [] : [svg("circle", { cx: place(row.relative), cy: 8, r: known ? 4 : 3.5, class: `tone-${tone}`, "stroke-width": known ? 0 : 1.5, "fill-opacity": known ? 1 : 0 })]));
}

function line(row: Difference, info: Infos) {
  const of = info[row.metric]!;
  const change = (row.change > 0 ? "+" : "") + short(row.change * of.factor);
  const interval = row.student ? `${short(row.student[0] * of.factor)} to ${short(row.student[1] * of.factor)}` : "\u2013";
  const finding = row.finding === "better" ? "good" : row.finding === "worse" ? "bad" : "";
  return [el("span", { title: of.help }, named(of)), { text: kWords[row.finding] ?? row.finding, class: finding }, shown(of, row.base.mean),
    shown(of, row.other.mean), change, interval, row.relative === null ? "\u2013" : percent(row.relative), bar(row)];
}

function showMatch(match: Match, comparison: Comparison): HTMLElement {
  const head = ["", "finding", inShort(match.base.title), inShort(match.other.title), "change", `${short(100 * comparison.confidence)} % interval`, "relative", "\u2212100 % to 100 %"];
  const caption = `${match.other.title} against ${match.base.title}`;
  const make = (rows: Difference[]) => table(caption, head, rows.map((row) => line(row, comparison.info)));
  const telling = match.metrics.filter((row) => !/^per_/.test(row.metric));
  const place = el("div", {}, make(telling));
  const more = match.metrics.length - telling.length;
  const all = more === 0 ? null : button(`Show ${more} more, of queues and pools`, "Show metrics of queues and pools", () => {
    place.replaceChildren(make(match.metrics));
    all!.remove();
  });
  const worlds = [match.base, match.other].map((side) => (side.world === "real" ? "for real" : side.world ?? ""));
  const how = match.pairing === "paired" ? `${match.seeds?.length ?? 0} paired seeds` : match.pairing === "unpaired" ? "all runs, unpaired" : "";
  return section(caption, el("p", { class: "hint" }, [how, worlds[0] !== worlds[1] ? `${match.base.title}: ${worlds[0]}; ${match.other.title}: ${worlds[1]}` : ""].filter(Boolean).join(". ")), place, all);
}

export function showComparison(comparison: Comparison): HTMLElement[] {
  const sections: HTMLElement[] = [];
  if (comparison.gate) {
    const rows = comparison.gate.verdicts.map((v) => [v.rule, v.subject, { text: v.outcome, class: v.fails ? "bad" : "good" }, v.why]);
    sections.push(section(comparison.gate.passed ? "Gate: passed" : "Gate: failed", table("Rules", ["rule", "of", "outcome", "why"], rows)));
  }
  for (const match of comparison.comparisons) sections.push(showMatch(match, comparison));
  if (sections.length > 0 && comparison.tests !== undefined)
    sections[sections.length - 1]!.append(el("p", { class: "hint" },
      `"Better" and "worse" are what is shown over all ${comparison.tests} tests of this comparison together (Holm's correction); each interval stands by itself.`));
  return sections;
}
