// How wide texts are, and what is left of them where there is less room.

const context = document.createElement("canvas").getContext("2d")!;

export function widthOf(text: string, font: string): number {
  context.font = font;
  return context.measureText(text).width;
}

/** Returns a text, cut to a width in pixels. */
export function fit(text: string, font: string, width: number): string {
  if (widthOf(text, font) <= width) return text;
  let characters = [...text].slice(0, Math.max(1, Math.floor(width)));
  while (characters.length > 1 && widthOf(`${characters.join("")}…`, font) > width) {
    characters = characters.slice(0, -1);
  }
  return `${characters.join("")}…`;
}

/** Returns a text in one line, or in two where it is wider and has a space; lines are cut to fit. */
export function wrap(text: string, font: string, width: number): string[] {
  const words = text.split(/(?<!^|\u2212) /); // a minus stays with what it is of
  let first = words.shift()!;
  while (words.length && widthOf(`${first} ${words[0]}`, font) <= width)
    first += ` ${words.shift()}`;
  const lines = words.length ? [first, words.join(" ")] : [first];
  return lines.map((line) => fit(line, font, width));
}
