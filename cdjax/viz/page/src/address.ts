// The state of the page, kept in its address: a link opens the same view of the same file.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ReviewRecord } from "./record";
import type { Explained } from "./scores";
import { firstState, fromHash, toHash, type State } from "./state";

const WAIT = 100; // ms; browsers allow an address few changes, and a drag makes many

/** The state, that of the address at first, and what changes parts of it. */
export function useAddress(record: ReviewRecord, explained: Explained[]) {
  const first = useMemo(() => firstState(record), [record]);
  const read = () => fromHash(location.hash, first, record, explained);
  const [state, setState] = useState<State>(read);
  const written = useRef("");
  useEffect(() => {
    const later = setTimeout(() => {
      written.current = toHash(state, first, explained);
      try {
        history.replaceState(null, "", `#${written.current}`);
      } catch {
        // A page inside another may have no address of its own; it works without.
      }
    }, WAIT);
    return () => clearTimeout(later);
  }, [state]);
  useEffect(() => {
    const follow = () => {
      if (location.hash.slice(1) !== written.current) setState(read());
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const change = useCallback(
    (part: Partial<State>) => setState((now) => ({ ...now, ...part })),
    [],
  );
  return { state, first, change };
}
