// Light and dark: as the system has it, until the reader chooses.

const listeners: (() => void)[] = [];
const system = window.matchMedia("(prefers-color-scheme: dark)");

export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

// Charts on canvas draw anew.
export function onTheme(draw: () => void): void {
  listeners.push(draw);
}

function tell(): void {
  for (const draw of listeners) draw();
}
system.addEventListener("change", tell);

export function themeSwitch(): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.id = "theme";
  const name = () => {
    made.textContent = isDark() ? "\u2600 Light" : "\u263e Dark";
    made.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
  };
  made.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    name();
    tell();
  });
  system.addEventListener("change", name);
  name();
  return made;
}

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const kColours = 10;
export function lineColour(i: number): string {
  return colour(`line${i % kColours}`);
}
// Those beyond the colours have dashes.
export function dashOf(i: number): number[] | undefined {
  return [undefined, [6, 4], [2, 3], [10, 3, 2, 3]][Math.floor(i / kColours) % 4];
}
