// The steps of the scale as colours; those of cdjax/viz/scale.py, which the record brings.

import type { StepRecord } from "./record";
import type { Theme } from "./hooks";

export interface Colour {
  ground: string; // "" for none
  ink: string;
  symbol: string;
}

/** Returns the colour of each step, from -2 to 2. */
export function coloursOf(scale: StepRecord[], theme: Theme): (step: number) => Colour {
  const colours = scale.map((step) => {
    const [ground, ink] = step[theme];
    return { ground, ink, symbol: step.symbol.replaceAll("-", "\u2212") };
  });
  return (step) => colours[step + 2]!;
}

/** Gives the style sheet the colours of the steps, as --step-0 to --step-4 and --ink-0 to --ink-4. */
export function publish(colour: (step: number) => Colour) {
  for (let step = -2; step <= 2; step++) {
    const { ground, ink } = colour(step);
    const { style } = document.documentElement;
    style.setProperty(`--step-${step + 2}`, ground || "transparent");
    style.setProperty(`--ink-${step + 2}`, ink || "inherit");
  }
}
