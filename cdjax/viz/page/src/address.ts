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
  const known = useRef(location.hash); // the address that the state came from, or was written to
  useEffect(() => {
    const later = setTimeout(() => {
      if (location.hash !== known.current) return; // a person has changed it, which will be read
      try {
        history.replaceState(null, "", `#${toHash(state, first, explained)}`);
      } catch {
        // A page inside another may have no address of its own; it works without.
      }
      known.current = location.hash;
    }, WAIT);
    return () => clearTimeout(later);
  }, [state]);
  useEffect(() => {
    const follow = () => {
      if (location.hash === known.current) return;
      known.current = location.hash;
      setState(read());
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
