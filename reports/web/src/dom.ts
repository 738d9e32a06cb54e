// Elements. Names from scenarios only ever become text.

type Child = Node | string | null;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, string> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

export function svg(tag: string, attributes: Record<string, string | number> = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

export function button(text: string, label: string, act: () => void): HTMLButtonElement {
  const made = el("button", { type: "button", "aria-label": label, title: label }, text);
  made.addEventListener("click", act);
  return made;
}

// A list to choose from, with its name before it.
export function chooser(name: string, options: [string, string][], chosen: string, act: (value: string) => void): HTMLElement {
  const select = el("select");
  for (const [value, text] of options) {
    const option = el("option", { value }, text);
    option.selected = value === chosen;
    select.append(option);
  }
  select.addEventListener("change", () => act(select.value));
  return el("label", { class: "chooser" }, name + " ", select);
}

let sections = 0;
export function section(title: string, ...children: Child[]): HTMLElement {
  const id = `s${++sections}`;
  return el("section", { id, "aria-labelledby": `${id}-h` }, el("h2", { id: `${id}-h` }, title), ...children);
}

// A table in a box of its own that scrolls where it is too wide; the first column stays. Cells of the other columns are figures.
export function table(caption: string, head: string[], rows: (Child | { text: Child; class: string })[][]): HTMLElement {
  const body = el("tbody");
  for (const row of rows) {
    const line = el("tr");
    row.forEach((cell, i) => {
      const parts = cell !== null && typeof cell === "object" && "class" in cell && !(cell instanceof Node) ? cell : null;
      const attributes: Record<string, string> = parts ? { class: parts.class } : {};
      if (i === 0) attributes.scope = "row";
      line.append(el(i === 0 ? "th" : "td", attributes, parts ? parts.text : (cell as Child)));
    });
    body.append(line);
  }
  const heads = el("tr");
  for (const name of head) heads.append(el("th", { scope: "col" }, name));
  const made = el("table", {}, el("thead", {}, heads), body);
  return el("div", {}, el("p", { class: "caption", "aria-hidden": "true" }, caption),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, made));
}

// Built when it is opened: a chart's figures for those who cannot, or do not want to, look at it.
export function asTable(build: () => HTMLElement, name = "As a table"): HTMLElement {
  const details = el("details", { class: "as-table" }, el("summary", {}, name));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(build());
  });
  return details;
}
