// Texts of others, shown as they are and never obeyed.

import { readOffsets, type ReviewRecord } from "./record";
import type { Span } from "./scores";

// Controls, separators of lines, marks that turn the direction of what follows, halves of characters.
const CONTROLS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const MARKS = /(\p{M}{6})(\p{M}+)/gu; // more of them than any script has reach into other lines

/** Returns a text with what a browser would obey, or can't show, as escapes. */
export const plain = (text: string) =>
  text
    .replace(CONTROLS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replace(MARKS, (_, few: string, more: string) => `${few}[+${[...more].length} marks]`);

/** A piece of the text: a step, or what is between two of them (step null). */
export interface Piece {
  text: string;
  step: number | null;
}

/** Returns the text as pieces, in order; where it isn't kept, its tokens with spaces between. */
export function cutPieces(record: ReviewRecord): Piece[] {
  const { text, tokens } = record;
  const offsets = readOffsets(record);
  if (text === null || offsets === null) {
    return (tokens ?? []).flatMap((token, step) => [
      ...(step ? [{ text: " ", step: null }] : []),
      { text: plain(token), step },
    ]);
  }
  const pieces: Piece[] = [];
  let end = 0;
  offsets.forEach(([from, to], step) => {
    if (from > end) pieces.push({ text: plain(text.slice(end, from)), step: null });
    // Tokens that have no characters of their own, or share them with the last, show their names.
    pieces.push({ text: plain(text.slice(Math.max(from, end), to) || tokens![step]!), step });
    end = Math.max(end, to);
  });
  if (end < text.length) pieces.push({ text: plain(text.slice(end)), step: null });
  return pieces;
}

const offsetsOf = new WeakMap<ReviewRecord, [number, number][] | null>();

/** Returns a phrase as it is in the text, on one line; of a series its times. */
export function quote(record: ReviewRecord, { start, stop }: Span): string {
  const { text, tokens, series } = record;
  if (!offsetsOf.has(record)) offsetsOf.set(record, readOffsets(record));
  const offsets = offsetsOf.get(record)!;
  if (series) {
    const [from, to] = [series.times[start]!, series.times[stop - 1]!];
    if (stop - start === 1) return plain(from);
    // Of one day, the day only once.
    const day = to.slice(0, to.lastIndexOf(" ") + 1);
    return plain(`${from} to ${day && from.startsWith(day) ? to.slice(day.length) : to}`);
  }
  const found =
    text !== null && offsets !== null
      ? text.slice(offsets[start]![0], offsets[stop - 1]![1])
      : tokens!.slice(start, stop).join(" ");
  return plain(found.replace(/\s+/g, " "));
}

export const shorten = (text: string, most: number) => {
  const characters = [...text];
  return characters.length <= most ? text : characters.slice(0, most - 1).join("") + "…";
};

const NAME = 60; // characters of a name or value of others that are shown

/** Returns what a label, a column or a value of it is called. */
export const named = (text: string | null) =>
  text === null ? "(none)" : text === "" ? "(empty)" : plain(shorten(text, NAME));

const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Whether a text is read from right to left, by its first letter. */
export const rightToLeft = (text: string) => RIGHT_TO_LEFT.test(/\p{L}/u.exec(text)?.[0] ?? "");
