// The report: what it says in words, then figures and charts.
import { showComparison } from "./comparison";
import type { Report } from "./data";
import { el, section } from "./dom";
import { showJournal } from "./journal";
import { showDistributions, showResult } from "./result";
import { showSweep } from "./sweep";
import { themeSwitch } from "./theme";

const list = (texts: string[]) => el("ul", {}, ...texts.map((text) => el("li", {}, text)));

function words(report: Report): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (report.doubts.length > 0)
    parts.push(el("div", { class: "doubts", role: "alert" }, el("h2", {}, "Not to be trusted as it is"), list(report.doubts)));
  if (report.findings.length > 0) parts.push(section("In short", list(report.findings)));
  return parts;
}

const briefly = (title: string) => (title.length > 40 ? `${title.slice(0, 39)}\u2026` : title);

function contents(sections: HTMLElement[]): HTMLElement {
  const links = sections.filter((s) => s.id).map((s) => el("li", {}, el("a", { href: `#${s.id}` }, briefly(s.querySelector("h2")!.textContent ?? ""))));
  return el("nav", { "aria-label": "Contents" }, el("ul", {}, ...links));
}

function show(report: Report): void {
  const main = document.getElementById("report")!;
  const sections: HTMLElement[] = [];
  if (report.comparison) sections.push(...showComparison(report.comparison));
  if (report.sweep) sections.push(...showSweep(report.sweep));
  for (const result of report.results) sections.push(showResult(result, report.results.length > 1));
  sections.push(...showDistributions(report.results));
  for (const journal of report.journals) sections.push(...showJournal(journal, report.journals.length > 1));
  if (report.notes.length > 0) sections.push(section("To know", list(report.notes)));
  const top = words(report);
  main.replaceChildren(
    el("header", {}, el("div", {}, el("h1", {}, report.title), el("p", { class: "hint" }, `drydock ${report.version}`)), themeSwitch()),
    ...(report.description ? [el("p", { class: "description" }, report.description)] : []),
    ...top, contents([...top, ...sections]), ...sections);
  main.dataset.ready = "1";
}

const text = document.getElementById("data")!.textContent ?? "";
try {
  show(JSON.parse(text) as Report);
} catch (error) {
  document.getElementById("report")!.textContent = `This report cannot be shown: ${error instanceof Error ? error.message : error}`;
  throw error;
}
