/** Reads the column container of the server: see `flyte_server.console.columns`. */

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array;

export interface Header {
  version: number;
  seq: number;
  rows: number;
  base_ms: number;
  tick_ms: number;
  names: string[];
  tasks: string[];
  envs: string[];
  groups: string[];
  errors: { code: string; cause: string; kind: string }[];
  /** Of a delta: the names that the column `parent` indexes; a snapshot's `parent` holds rows. */
  parents?: string[];
  columns: [name: string, type: string, offset: number, bytes: number][];
}

export class Columns {
  readonly header: Header;
  private readonly buffer: ArrayBuffer;
  private readonly start: number;
  private readonly places = new Map<string, [type: string, offset: number, bytes: number]>();

  constructor(buffer: ArrayBuffer) {
    const view = new DataView(buffer);
    if (buffer.byteLength < 8 || view.getUint32(0, true) !== 0x31435747) {
      throw new Error('The server sent something that is not a run.');
    }
    const length = view.getUint32(4, true);
    this.header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))) as Header;
    if (this.header.version !== 1) {
      throw new Error('The server is of another version than this page. Reload the page.');
    }
    this.buffer = buffer;
    this.start = 8 + length;
    for (const [name, type, offset, bytes] of this.header.columns)
      this.places.set(name, [type, offset, bytes]);
  }

  numbers(name: string): Numbers {
    const [type, offset, bytes] = this.place(name);
    const at = this.start + offset;
    switch (type) {
      case 'u8':
        return new Uint8Array(this.buffer, at, bytes);
      case 'u16':
        return new Uint16Array(this.buffer, at, bytes / 2);
      case 'u32':
        return new Uint32Array(this.buffer, at, bytes / 4);
      default:
        return new Int32Array(this.buffer, at, bytes / 4);
    }
  }

  strings(name: string): string[] {
    const [, offset, bytes] = this.place(name);
    const raw = new Uint8Array(this.buffer, this.start + offset, bytes);
    const ends = this.numbers(`${name}_end`);
    const decoder = new TextDecoder();
    const text = decoder.decode(raw);
    const plain = text.length === bytes;
    const found = new Array<string>(ends.length);
    let begin = 0;
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i]!;
      found[i] = plain ? text.slice(begin, end) : decoder.decode(raw.subarray(begin, end));
      begin = end;
    }
    return found;
  }

  private place(name: string): [string, number, number] {
    const place = this.places.get(name);
    if (!place) throw new Error(`The server's answer lacks the column ${name}.`);
    return place;
  }
}

export function fromBase64(text: string): ArrayBuffer {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}
