// The tree of the phrases, folded where little is said by joining.

import { useMemo, useState } from "preact/hooks";
import { sameSpan, type Reading, type Span } from "./scores";
import { buildTree, type Group } from "./tree";

interface Props {
  reading: Reading;
  leaves: Span[];
  span: Span | null;
  quoteOf: (span: Span) => string;
  onSelect: (span: Span) => void;
  onHover: (span: Span | null) => void;
}

const OPEN = 8; // branches that are open at first

/** Returns the groups to open: those above the strongest joins. */
function openAtFirst(root: Group): Set<Group> {
  const joins: Group[] = [];
  const above = new Map<Group, Group>();
  const stack = [root];
  while (stack.length) {
    const group = stack.pop()!;
    if (!group.parts) continue;
    joins.push(group);
    for (const part of group.parts) {
      above.set(part, group);
      stack.push(part);
    }
  }
  joins.sort((a, b) => Math.abs(b.joined) - Math.abs(a.joined));
  const open = new Set<Group>();
  for (const join of joins.slice(0, OPEN)) {
    if (open.size > 3 * OPEN) break;
    for (let group: Group | undefined = join; group && !open.has(group); group = above.get(group))
      open.add(group);
  }
  return open;
}

export function Tree({ reading, leaves, span, quoteOf, onSelect, onHover }: Props) {
  const root = useMemo(() => buildTree(reading, leaves), [reading, leaves]);
  const first = useMemo(() => (root ? openAtFirst(root) : new Set<Group>()), [root]);
  const [changed, setChanged] = useState<Map<string, boolean>>(new Map());
  if (!root) return null;
  const key = (group: Group) => `${group.start}-${group.stop}`;
  const isOpen = (group: Group) => changed.get(key(group)) ?? first.has(group);
  const toggle = (group: Group, open: boolean) =>
    setChanged(new Map(changed).set(key(group), open));
  // Rows rather than nested lists: the tree of a long text is deeper than a page can indent.
  const rows: { group: Group; depth: number }[] = [];
  const stack = [{ group: root, depth: 0 }];
  while (stack.length) {
    const row = stack.pop()!;
    rows.push(row);
    if (row.group.parts && isOpen(row.group)) {
      const [left, right] = row.group.parts;
      stack.push({ group: right, depth: row.depth + 1 }, { group: left, depth: row.depth + 1 });
    }
  }
  const onKeyDown = (event: KeyboardEvent, { group }: { group: Group }) => {
    const items = [
      ...(event.currentTarget as HTMLElement).parentElement!.children,
    ] as HTMLElement[];
    const here = items.indexOf(event.currentTarget as HTMLElement);
    const open = group.parts !== null && isOpen(group);
    if (event.key === "ArrowDown") items[here + 1]?.focus();
    else if (event.key === "ArrowUp") items[here - 1]?.focus();
    else if (event.key === "ArrowRight" && group.parts)
      open ? items[here + 1]?.focus() : toggle(group, true);
    else if (event.key === "ArrowLeft" && open) toggle(group, false);
    else if (event.key === "Enter" || event.key === " ") onSelect(group);
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="tree"
      role="tree"
      aria-label="Tree of the phrases"
      onMouseLeave={() => onHover(null)}
    >
      {rows.map(({ group, depth }, n) => {
        const here = sameSpan(group, span);
        const open = group.parts !== null && isOpen(group);
        return (
          <div
            key={key(group)}
            role="treeitem"
            aria-level={depth + 1}
            aria-expanded={group.parts ? open : undefined}
            aria-selected={here}
            tabIndex={n === 0 ? 0 : -1}
            class={`branch${here ? " in" : ""}`}
            onKeyDown={(event) => onKeyDown(event, { group })}
            onMouseEnter={() => onHover(group)}
            onClick={() => onSelect(group)}
          >
            {Array.from({ length: Math.min(depth, 16) }, () => (
              <span class="guide" />
            ))}
            <span
              class={`fold${group.parts ? "" : " leaf"}`}
              onClick={(event) => {
                event.stopPropagation();
                if (group.parts) toggle(group, !open);
              }}
            >
              {group.parts ? (open ? "▾" : "▸") : ""}
            </span>
            <span class={`chip s${reading.step(group.score) + 2}`}>
              {reading.show(group.score)}
            </span>
            {group.parts && (
              <span
                class={`joined${Math.abs(group.joined) >= reading.record.clear ? " strong" : ""}`}
              >
                joined by {reading.show(group.joined)}
              </span>
            )}
            <bdi class="quote">{quoteOf(group)}</bdi>
          </div>
        );
      })}
    </div>
  );
}
