// Containers as the server writes them, for tests: a short action is `[id, parent, name, phase, …]`.
export interface Short {
  id: string;
  parent?: string;
  name?: string;
  group?: string;
  phase?: number;
  order?: number;
  kind?: number;
  queued?: number;
  waiting?: number;
  starting?: number;
  running?: number;
  ended?: number;
  attempts?: number;
  cuts?: number[];
  error?: { code: string; cause: string; kind: string };
}

type Part = [name: string, type: string, bytes: Uint8Array];

const i32 = (name: string, values: number[]): Part => [
  name,
  'i32',
  new Uint8Array(Int32Array.from(values).buffer),
];
const u32 = (name: string, values: number[]): Part => [
  name,
  'u32',
  new Uint8Array(Uint32Array.from(values).buffer),
];
const u16 = (name: string, values: number[]): Part => [
  name,
  'u16',
  new Uint8Array(Uint16Array.from(values).buffer),
];
const u8 = (name: string, values: number[]): Part => [name, 'u8', Uint8Array.from(values)];

function strings(name: string, values: string[]): [Part, Part] {
  const encoder = new TextEncoder();
  const raw = values.map(value => encoder.encode(value));
  let end = 0;
  const ends = raw.map(part => {
    end += part.length;
    return end;
  });
  const bytes = new Uint8Array(end);
  for (const [i, part] of raw.entries()) bytes.set(part, ends[i]! - part.length);
  return [[name, 'str', bytes], u32(`${name}_end`, ends)];
}

export function pack(actions: Short[], seq: number, delta = false): ArrayBuffer {
  const words = (first: string[] = []) => {
    const all = [...first];
    return { all, of: (word: string) => (all.includes(word) ? all.indexOf(word) : all.push(word) - 1) };
  };
  const [names, tasks, envs, groups, parents] = [words(), words(), words(), words(['']), words([''])];
  const errors = [{ code: '', cause: '', kind: '' }];
  const name = (action: Short) => action.name ?? action.id;
  const parts: Part[] = [
    ...strings(
      'id',
      actions.map(action => action.id),
    ),
    delta
      ? u16(
          'parent',
          actions.map(action => parents.of(action.parent ?? '')),
        )
      : i32(
          'parent',
          actions.map(action => actions.findIndex(other => other.id === action.parent)),
        ),
    i32(
      'queued',
      actions.map(action => action.queued ?? 0),
    ),
    i32(
      'waiting',
      actions.map(action => action.waiting ?? -1),
    ),
    i32(
      'starting',
      actions.map(action => action.starting ?? -1),
    ),
    i32(
      'running',
      actions.map(action => action.running ?? -1),
    ),
    i32(
      'ended',
      actions.map(action => action.ended ?? -1),
    ),
    u32(
      'order',
      actions.map((action, i) => action.order ?? i),
    ),
    u8(
      'phase',
      actions.map(action => action.phase ?? 1),
    ),
    u8(
      'kind',
      actions.map(action => action.kind ?? 0),
    ),
    u8(
      'attempts',
      actions.map(action => action.attempts ?? 0),
    ),
    u8(
      'cache',
      actions.map(() => 0),
    ),
    u16(
      'name',
      actions.map(action => names.of(name(action))),
    ),
    u16(
      'task',
      actions.map(action => tasks.of(`env.${name(action)}`)),
    ),
    u8(
      'env',
      actions.map(() => envs.of('env')),
    ),
    u8(
      'group',
      actions.map(action => groups.of(action.group ?? '')),
    ),
    u8(
      'error',
      actions.map(action => (action.error ? errors.push(action.error) - 1 : 0)),
    ),
    u32(
      'cut_row',
      actions.flatMap((action, i) => (action.cuts ? [i] : [])),
    ),
    u8(
      'cut_count',
      actions.flatMap(action => (action.cuts ? [action.cuts.length] : [])),
    ),
    i32(
      'cut_at',
      actions.flatMap(action => action.cuts ?? []),
    ),
  ];
  return container(
    {
      version: 1,
      seq,
      rows: actions.length,
      base_ms: 1_000,
      tick_ms: 1,
      names: names.all,
      tasks: tasks.all,
      envs: envs.all,
      groups: groups.all,
      errors,
      ...(delta ? { parents: parents.all } : {}),
    },
    parts,
  );
}

function container(given: object, parts: Part[]): ArrayBuffer {
  const encoder = new TextEncoder();
  let offset = 0;
  const columns = parts.map(([column, type, bytes]) => {
    const entry = [column, type, offset, bytes.length];
    offset += Math.ceil(bytes.length / 8) * 8;
    return entry;
  });
  let text = JSON.stringify({ ...given, columns });
  text += ' '.repeat((8 - ((encoder.encode(text).length + 8) % 8)) % 8);
  const head = encoder.encode(text);
  const result = new Uint8Array(8 + head.length + offset);
  result.set(encoder.encode('GWC1'));
  new DataView(result.buffer).setUint32(4, head.length, true);
  result.set(head, 8);
  for (const [i, [, , bytes]] of parts.entries()) {
    result.set(bytes, 8 + head.length + (columns[i]![2] as number));
  }
  return result.buffer;
}

/** An edge `[source, target, param, relation?, confidence?]`, and a segment `[action, begin, end]` of the path. */
export type ShortEdge = [string, string, string, number?, number?];
export type ShortSegment = [string, number, number];

export function packFlow(edges: ShortEdge[], path: ShortSegment[] = [], report: object = {}): ArrayBuffer {
  const ids = [
    ...new Set([...edges.flatMap(edge => edge.slice(0, 2) as string[]), ...path.map(([id]) => id)]),
  ];
  const params = [...new Set(edges.map(([, , param]) => param))];
  return container({ version: 1, seq: 1, base_ms: 0, tick_ms: 1, params, report }, [
    ...strings('id', ids),
    u32(
      'edge_source',
      edges.map(([source]) => ids.indexOf(source)),
    ),
    u32(
      'edge_target',
      edges.map(([, target]) => ids.indexOf(target)),
    ),
    u32(
      'edge_param',
      edges.map(([, , param]) => params.indexOf(param)),
    ),
    u8(
      'edge_relation',
      edges.map(([, , , relation]) => relation ?? 0),
    ),
    u8(
      'edge_confidence',
      edges.map(([, , , , confidence]) => confidence ?? 0),
    ),
    u32(
      'path_action',
      path.map(([id]) => ids.indexOf(id)),
    ),
    u8(
      'path_doing',
      path.map(() => 3),
    ),
    i32(
      'path_begin',
      path.map(([, begin]) => begin),
    ),
    i32(
      'path_end',
      path.map(([, , end]) => end),
    ),
  ]);
}
