// Reports in a browser: what a reader clicks, on a screen and on a phone, with a keyboard, and with names that try to be more than names.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const folder = mkdtempSync(join(tmpdir(), "drydock-report-"));
const at = (name) => join(folder, name);
const drydock = (...given) => execFileSync(process.env.DRYDOCK, given, { encoding: "utf8", cwd: folder, stdio: ["ignore", "pipe", "pipe"] });

const kNasty = ["</script><script>window.hacked = 1</script>", "\"'><img src=x onerror='window.hacked = 1'>", "\u{1f600} \u00e9\u4e2d\u6587", "very-long-name-".repeat(40)];

// Two hosts of four fail now and then; a Redis is away for a while.
const kScenario = {
  name: "shop", description: "A small shop", duration: "2h",
  cluster: { hosts: [{ name: "node", count: 4, cpus: 4 }] },
  queues: [{ name: "short" }, { name: "long" }],
  pools: [{ name: "main", hosts: ["node"], queues: ["short", "long"] }],
  workload: [
    { name: "short", queue: "short", arrivals: { poisson: { rate: "6/min" } }, duration: { exponential: { mean: "1m" } } },
    { name: "long", queue: "long", arrivals: { poisson: { rate: "20/h" } }, duration: { exponential: { mean: "10m" } } },
  ],
  faults: [{ type: "worker-crash", target: "node-1", at: "20m", for: "10m" }, { type: "worker-crash", target: "node-2", at: "50m", for: "5m" }],
  variants: [{ name: "fcfs", set: { "/policies/placement": "fcfs" } }, { name: "sjf", set: { "/policies/placement": "sjf" } }],
};

let browser;
const wrong = [];

async function open(file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push(`${file}: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`${file}: ${error}`));
  page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) wrong.push(`${file}: asked for ${request.url()}`); });
  page.on("dialog", (dialog) => { wrong.push(`${file}: a dialog`); dialog.dismiss(); });
  await page.goto(pathToFileURL(at(file)).href);
  await page.waitForSelector("main[data-ready]");
  return page;
}
const widths = (page) => page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);

before(async () => {
  writeFileSync(at("shop.json"), JSON.stringify(kScenario));
  drydock("simulate", "shop.json", "--seeds", "1..3", "--out", "base", "--check");
  drydock("simulate", "shop.json", "--seeds", "1..3", "--out", "head", "--set", "/cluster/hosts/0/count=5");
  drydock("simulate", "shop.json", "--variant", "fcfs", "--seeds", "1", "--out", "run", "--journal", "run.journal");
  drydock("sweep", "shop.json", "--variant", "fcfs", "--vary", "/cluster/hosts/0/count=4,5,6", "--vary", "/policies/placement=fcfs,sjf", "--seeds", "1..3",
    "--pareto", "wait_s.mean,utilization", "--metrics", "wait_s.mean,utilization,makespan_s", "--out", "grid");
  drydock("report", "run", "--journal", "run.journal", "--html", "run.html");
  drydock("report", "base", "head", "--html", "two.html");
  drydock("report", "grid", "--html", "grid.html");
  const result = JSON.parse(readFileSync(at("base/result.json"), "utf8"));
  const [first, second] = result.scenario.variants.map((variant) => variant.variant);
  const rename = (name) => (name === first ? kNasty[0] + kNasty[3] : name === second ? kNasty[1] + kNasty[2] : name);
  for (const variant of result.scenario.variants) {
    variant.variant = rename(variant.variant);
    variant.scenario.description = kNasty.join(" ");
  }
  for (const run of result.runs) run.variant = rename(run.variant);
  result.scenario.name = kNasty[0];
  result.runs[0].error = kNasty[1];
  writeFileSync(at("nasty.json"), JSON.stringify(result));
  drydock("report", "nasty.json", "--html", "nasty.html");
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a run: words first, charts, zoom, tooltips, tables", async () => {
  const page = await open("run.html");
  assert.equal(await page.locator("h1").textContent(), "shop");
  assert.match(await page.locator("main").innerText(), /In short[\s\S]*Metrics[\s\S]*Waits[\s\S]*Over time[\s\S]*Workers[\s\S]*Failures/);
  const chart = page.locator("figure", { hasText: "Queue and what runs" });
  await chart.scrollIntoViewIfNeeded();
  await chart.locator("[data-ready] canvas").waitFor();
  const span = () => chart.locator(".plot").evaluate((box) => Number(box.dataset.to) - Number(box.dataset.from));
  const all = await span();
  await chart.getByRole("button", { name: /^Zoom in/ }).click();
  assert.ok(Math.abs(await span() - all / 2) < all * 0.01, "zooming in halves what is shown");
  await chart.getByRole("button", { name: /^Show all/ }).click();
  assert.ok(Math.abs(await span() - all) < all * 0.01);
  assert.equal(await chart.locator("table").count(), 1, "the legend alone");
  await chart.getByText("As a table").click();
  assert.ok(await chart.locator(".scroll tbody tr").count() > 50);

  const gantt = page.locator("figure", { hasText: "What ran where" });
  await gantt.scrollIntoViewIfNeeded();
  const canvas = gantt.locator("canvas");
  const box = await canvas.boundingBox();
  const tip = gantt.locator(".tip");
  for (let x = 200; x < box.width && await tip.isHidden(); x += 15) await canvas.hover({ position: { x, y: 28 } });
  assert.match(await tip.textContent(), /^worker 0 \(node-0\): job \d+, attempt \d+, queue (short|long): succeeded/);
  const shown = () => canvas.evaluate((c) => Number(c.dataset.to) - Number(c.dataset.from));
  const whole = await shown();
  await gantt.getByRole("button", { name: /^Zoom in/ }).click();
  assert.ok(Math.abs(await shown() - whole / 2) < whole * 0.01);
  assert.match(await gantt.innerText(), /All 4 workers are drawn; with all of their \d+ attempts/);
  await page.context().close();
});

test("failures are found at the scenario's own crashes", async () => {
  const page = await open("run.html");
  const rows = page.locator("section", { hasText: "Failures: how they were found" }).locator("tbody tr");
  assert.equal(await rows.count(), 2);
  assert.match(await rows.nth(0).innerText(), /node-1[\s\S]*worker-crash[\s\S]*20 min/);
  assert.match(await rows.nth(1).innerText(), /node-2[\s\S]*worker-crash[\s\S]*50 min/);
  await page.context().close();
});

test("light and dark", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open("run.html", { colorScheme });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const first = await background();
    assert.equal(/rgb\(2\d\d/.test(first), colorScheme === "light");
    await page.locator("#theme").click();
    assert.notEqual(await background(), first);
    await page.locator("#theme").click();
    assert.equal(await background(), first);
    await page.context().close();
  }
});

test("the keyboard reaches everything, in the order of the page", async () => {
  const page = await open("run.html");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "theme");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest("nav") !== null), true);
  let last = -1;
  const seen = new Set();
  for (let i = 0; i < 120; ++i) {
    const [order, kind] = await page.evaluate(() => {
      const all = [...document.querySelectorAll("a, button, select, summary, [tabindex='0']")];
      return [all.indexOf(document.activeElement), document.activeElement.tagName];
    });
    if (order <= last) break;
    last = order;
    seen.add(kind);
    await page.keyboard.press("Tab");
  }
  for (const kind of ["A", "FIGURE", "BUTTON", "SUMMARY", "DIV"]) assert.ok(seen.has(kind), `${kind} is reached`);
  const gantt = page.locator("figure", { hasText: "What ran where" });
  await gantt.focus();
  const shown = () => gantt.locator("canvas").evaluate((c) => Number(c.dataset.to) - Number(c.dataset.from));
  await page.waitForFunction(() => document.querySelector(".gantt canvas").dataset.to);
  const whole = await shown();
  await page.keyboard.press("+");
  assert.ok(Math.abs(await shown() - whole / 2) < whole * 0.01);
  await page.keyboard.press("0");
  assert.ok(Math.abs(await shown() - whole) < whole * 0.01);
  await page.keyboard.press("ArrowDown");
  assert.match(await gantt.locator(".tip").textContent(), /^worker 0/);
  await page.keyboard.press("ArrowDown");
  assert.match(await gantt.locator(".tip").textContent(), /^worker 1/);
  await page.context().close();
});

test("on a phone nothing is wider than the screen", async () => {
  for (const file of ["run.html", "two.html", "grid.html", "nasty.html"]) {
    const page = await open(file, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    const [wide, screen] = await widths(page);
    assert.ok(wide <= 360 && screen <= 360, `${file}: ${wide} of ${screen}`);
    await page.context().close();
  }
});

test("two results: differences in words and in a table", async () => {
  const page = await open("two.html");
  const text = await page.locator("main").innerText();
  assert.match(text, /3 paired seeds/);
  assert.match(text, /head:fcfs against base:fcfs/);
  assert.ok(await page.locator("svg.bar").count() > 10);
  await page.context().close();
});

test("a sweep: trade-offs, heatmap, points", async () => {
  const page = await open("grid.html");
  const plot = page.locator("section", { hasText: "Trade-offs" });
  await plot.locator(".point").first().waitFor();
  assert.equal(await plot.locator(".point").count(), 6);
  await plot.locator(".point").first().focus();
  assert.match(await plot.locator("[aria-live]").textContent(), /point \d/);
  const heat = page.locator("section", { hasText: "Heatmap" });
  assert.equal(await heat.locator("tbody td").count(), 6);
  await heat.locator("select").first().selectOption({ index: 1 });
  assert.match(await heat.locator(".caption").textContent(), /tilization/);
  await page.context().close();
});

test("names are only names", async () => {
  const page = await open("nasty.html");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator("script").count(), 2);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("h1").textContent(), kNasty[0]);
  assert.equal(await page.title(), kNasty[0]);
  const text = await page.locator("main").innerText();
  for (const name of kNasty) assert.ok(text.includes(name), name);
  assert.match(text, /Not to be trusted as it is[\s\S]*no result/);
  await page.context().close();
});

test("a long run is thinned, says so, and stays small", async () => {
  writeFileSync(at("long.json"), JSON.stringify({
    name: "long", cluster: { hosts: [{ name: "node", count: 500, cpus: 1 }] },
    workload: [{ count: 60000, arrivals: { poisson: { rate: "4.5/s" } }, duration: { exponential: { mean: "100s" } } }],
    faults: [{ type: "worker-crash", mtbf: "1d", mttr: "10m" }],
  }));
  drydock("simulate", "long.json", "--seeds", "1", "--out", "long", "--journal", "long.journal");
  drydock("report", "long", "--journal", "long.journal", "--html", "long.html");
  assert.ok(statSync(at("long.html")).size < 20 * 1024 * 1024);
  const page = await open("long.html");
  assert.match(await page.locator("main").innerText(), /60 of 500 workers are drawn/);
  await page.context().close();
});

test("nothing went wrong on any page, and none asked for anything", () => assert.deepEqual(wrong, []));
