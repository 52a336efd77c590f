// What `pack.py` packs: bytes that are deflated and in base64, and numbers and texts of them.

/** Returns the bytes. */
export async function inflate(data: string): Promise<Uint8Array> {
  const characters = atob(data);
  const packed = new Uint8Array(characters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = characters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export interface Integers {
  planes: number;
  size: number;
  data: string;
}

/** Returns whole numbers; NaN for those that are missing. */
export async function unpackScores({ planes, size, data }: Integers): Promise<Float64Array> {
  const bytes = await inflate(data);
  const numbers = new Float64Array(size);
  for (let plane = planes - 1; plane >= 0; plane--) {
    for (let i = 0, at = plane * size; i < size; i++)
      numbers[i] = numbers[i]! * 256 + bytes[at + i]!;
  }
  for (let i = 0; i < size; i++) {
    const folded = numbers[i]! - 1;
    numbers[i] = folded < 0 ? NaN : folded % 2 ? -(folded + 1) / 2 : folded / 2;
  }
  return numbers;
}

/** Returns whole numbers of at most 31 bits, none of which is missing. */
export const unpackIntegers = async (packed: Integers) =>
  Int32Array.from(await unpackScores(packed));

/** Returns numbers of single precision. */
export async function unpackFloats(data: string): Promise<Float32Array> {
  const bytes = await inflate(data);
  const size = bytes.length / 4;
  const ordered = new Uint8Array(bytes.length);
  for (let plane = 0; plane < 4; plane++) {
    for (let i = 0; i < size; i++) ordered[4 * i + plane] = bytes[plane * size + i]!;
  }
  const view = new DataView(ordered.buffer);
  return Float32Array.from({ length: size }, (_, i) => view.getFloat32(4 * i, true));
}

export const unpackTexts = async <T extends string | null = string>(data: string): Promise<T[]> =>
  JSON.parse(new TextDecoder().decode(await inflate(data)));
