// A series as a chart: features as rows, time along, tinted by the scores of its steps; any window
// to drag.

import { useRef } from "preact/hooks";
import { useDragging, useWidth } from "./hooks";
import type { SeriesRecord } from "./record";
import type { Reading, Span } from "./scores";
import { plain, shorten } from "./text";

interface Props {
  series: SeriesRecord;
  reading: Reading;
  span: Span | null;
  hover: Span | null;
  head: number;
  anchor: number | null;
  hidden: boolean;
  label: string;
  byFeature: boolean; // whether the scores of features are along the direction that is shown
  onSelect: (anchor: number | null, head: number) => void;
}

const [NAME, STRIP, ROW, AXIS] = [112, 30, 64, 22];

export function Chart(props: Props) {
  const { series, reading, span, hover, head, anchor, hidden, byFeature, onSelect } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const plot = useRef<SVGSVGElement>(null);
  const dragging = useDragging();
  const steps = reading.steps;
  const name = Math.min(NAME, width * 0.25);
  const each = Math.max(0.1, (width - name - 8) / steps);
  const x = (t: number) => name + t * each;
  const height = STRIP + ROW * series.features.length + AXIS;
  const stepAt = (event: PointerEvent) => {
    const left = event.clientX - plot.current!.getBoundingClientRect().left;
    return Math.min(steps - 1, Math.max(0, Math.floor((left - name) / each)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key === "Escape") return onSelect(null, 0);
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const next =
      anchor === null ? (move < 0 ? steps - 1 : 0) : Math.min(steps - 1, Math.max(0, head + move));
    onSelect(event.shiftKey && anchor !== null ? anchor : next, next);
  };
  const row = (values: (number | null)[], feature: string, n: number) => {
    const given = values.filter((value) => value !== null);
    const [low, high] = [Math.min(...given), Math.max(...given)];
    const top = STRIP + n * ROW;
    const y = (value: number) => top + ROW - 8 - ((ROW - 16) * (value - low)) / (high - low || 1);
    let line = "";
    values.forEach((value, t) => {
      if (value === null) return;
      const begin = !line || values[t - 1] === null;
      line += `${begin ? "M" : "L"}${(x(t) + each / 2).toFixed(1)} ${y(value).toFixed(1)}`;
    });
    const scores = byFeature && !hidden ? series.byFeature?.[n] : null;
    return (
      <g>
        {scores?.map((score, w) => {
          if (score === null) return null;
          const [start, stop] = series.windows[w]!;
          const step = reading.step(score);
          const area = {
            x: x(start),
            y: top + 1,
            width: (stop - start) * each - 1,
            height: ROW - 2,
          };
          return (
            <g>
              <title>{`${plain(feature)} ${reading.show(score)}`}</title>
              <rect class={`cell c${step + 2} soft`} {...area} />
              {step !== 0 && area.width > 40 && (
                <text class="tick" x={area.x + 4} y={top + 10}>
                  {reading.show(score)}
                </text>
              )}
            </g>
          );
        })}
        <line class="link" x1={0} x2={width} y1={top} y2={top} />
        <text class="feature" x={name - 8} y={top + ROW / 2} text-anchor="end">
          {shorten(plain(feature), 14)}
        </text>
        <text class="tick" x={name - 8} y={top + 12} text-anchor="end">
          {number(high)}
        </text>
        <text class="tick" x={name - 8} y={top + ROW - 6} text-anchor="end">
          {number(low)}
        </text>
        <path class="line" d={line} />
        {steps <= 60 &&
          values.map(
            (value, t) =>
              value !== null && <circle class="point" cx={x(t) + each / 2} cy={y(value)} r={1.8} />,
          )}
      </g>
    );
  };
  const band = (of: Span | null, kind: string) =>
    of && (
      <rect
        class={kind}
        x={x(of.start)}
        y={1}
        width={(of.stop - of.start) * each}
        height={height - AXIS - 2}
      />
    );
  const ticks = Math.max(1, Math.min(6, Math.floor(width / 150), steps));
  return (
    <div ref={box} class="chart">
      {width > 0 && (
        <svg
          ref={plot}
          width={width}
          height={height}
          role="application"
          tabIndex={0}
          aria-label={props.label}
          onKeyDown={onKeyDown}
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            const t = stepAt(event);
            dragging.current = event.shiftKey && anchor !== null ? anchor : t;
            onSelect(dragging.current, t);
          }}
          onPointerMove={(event) => {
            if (dragging.current === null) return;
            const t = stepAt(event);
            if (t !== head) onSelect(dragging.current, t);
          }}
        >
          <defs>
            <pattern
              id="minus"
              width="5"
              height="5"
              patternUnits="userSpaceOnUse"
              patternTransform="rotate(45)"
            >
              <line class="hatch" x1="0" y1="0" x2="0" y2="5" />
            </pattern>
          </defs>
          {!hidden &&
            Array.from({ length: steps }, (_, t) => {
              const step = reading.step(reading.at(t, t + 1));
              const area = {
                x: x(t),
                y: 2,
                width: Math.max(0.5, each - (each > 4 ? 1 : 0)),
                height: STRIP - 6,
              };
              return (
                <>
                  <rect class={`cell c${step + 2}`} {...area} />
                  {step < 0 && each > 4 && <rect fill="url(#minus)" {...area} />}
                </>
              );
            })}
          <text class="feature" x={name - 8} y={STRIP / 2} text-anchor="end">
            score
          </text>
          {series.values.map((values, d) => row(values, series.features[d]!, d))}
          {band(hover, "hovered")}
          {band(span, "chosen")}
          {Array.from({ length: ticks }, (_, n) => {
            const t = ticks === 1 ? 0 : Math.round((n * (steps - 1)) / (ticks - 1));
            return (
              <text
                class="tick"
                x={x(t) + each / 2}
                y={height - 7}
                text-anchor={n === 0 ? "start" : n === ticks - 1 ? "end" : "middle"}
              >
                {shorten(plain(series.times[t]!), 20)}
              </text>
            );
          })}
        </svg>
      )}
    </div>
  );
}

const number = (value: number) => String(Number(value.toPrecision(3))).replace("-", "\u2212");
