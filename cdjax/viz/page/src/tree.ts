// The tree of the phrases: the neighbours that interact most join first. As `build_hierarchy` of
// cdjax/results/hierarchy.py does, which says more.

import type { Reading, Span } from "./scores";

export interface Group extends Span {
  score: number;
  joined: number; // the score beyond those of the two parts
  parts: [Group, Group] | null;
}

/** Returns the tree of spans that are its leaves, in order and without gaps. */
export function buildTree(reading: Reading, leaves: Span[]): Group | null {
  const groups: Group[] = leaves.map(({ start, stop }) => ({
    start,
    stop,
    score: reading.at(start, stop),
    joined: 0,
    parts: null,
  }));
  const join = (left: Group, right: Group): Group => {
    const score = reading.at(left.start, right.stop);
    return {
      start: left.start,
      stop: right.stop,
      score,
      joined: score - left.score - right.score,
      parts: [left, right],
    };
  };
  const pairs = groups.slice(1).map((right, n) => join(groups[n]!, right));
  while (groups.length > 1) {
    let best = 0;
    pairs.forEach((pair, n) => {
      if (Math.abs(pair.joined) > Math.abs(pairs[best]!.joined)) best = n; // the leftmost of equals
    });
    groups.splice(best, 2, pairs[best]!);
    pairs.splice(best, 1);
    if (best > 0) pairs[best - 1] = join(groups[best - 1]!, groups[best]!);
    if (best < pairs.length) pairs[best] = join(groups[best]!, groups[best + 1]!);
  }
  return groups[0] ?? null;
}
