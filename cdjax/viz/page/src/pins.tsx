// The phrases that a person has pinned, to compare.

import type { Reading, Span } from "./scores";
import { shorten } from "./text";

interface Props {
  readings: Reading[];
  pins: Span[];
  quoteOf: (span: Span) => string;
  onSelect: (span: Span) => void;
  onRemove: (span: Span) => void;
}

export function Pins({ readings, pins, quoteOf, onSelect, onRemove }: Props) {
  return (
    <section class="card pinned" aria-labelledby="pins">
      <h2 id="pins">Pinned</h2>
      <table class="scores">
        <thead>
          <tr>
            <th scope="col">phrase</th>
            {readings.map((reading) => (
              <th scope="col" class="figure">
                {readings.length > 1 ? reading.explained.id : "score"}
              </th>
            ))}
            <th scope="col" class="figure">
              interaction
            </th>
            <td />
          </tr>
        </thead>
        <tbody>
          {pins.map((pin) => (
            <tr>
              <th scope="row">
                <button type="button" class="link" onClick={() => onSelect(pin)}>
                  <bdi>{shorten(quoteOf(pin), 60)}</bdi>
                </button>
              </th>
              {readings.map((reading) => {
                const score = reading.at(pin.start, pin.stop);
                return <td class={`figure s${reading.step(score) + 2}`}>{reading.show(score)}</td>;
              })}
              <td class="figure">{readings[0]!.show(readings[0]!.beyond(pin.start, pin.stop))}</td>
              <td>
                <button
                  type="button"
                  aria-label={`Unpin ${quoteOf(pin)}`}
                  onClick={() => onRemove(pin)}
                >
                  ×
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
