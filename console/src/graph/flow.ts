import { Columns, type Numbers } from '../model/decode';
import type { RunModel } from '../model/run';

/** How data flowed in a run and where its time went, as the server analysed it. */

export const DATA = 0;
export const ARGUMENT = 1;
export const RESULT = 2;
export const ORDER = 3;

export const EXACT = 0;
export const DERIVED = 1;
export const INFERRED = 2;
export const CONFIDENCE_WORDS = ['exact', 'derived', 'inferred'] as const;

/** What an action does for a while, numbered as the server does. */
export const DOING = [
  'queued',
  'waiting_for_resources',
  'starting',
  'reading_inputs',
  'user_code',
  'waiting_for_children',
  'waiting_for_answer',
  'writing_outputs',
] as const;
export type Doing = (typeof DOING)[number];
export type Times = Record<`${Doing}_ms`, number>;

export const DOING_WORDS: Record<Doing, string> = {
  queued: 'Queued',
  waiting_for_resources: 'Waiting for resources',
  starting: 'Starting',
  reading_inputs: 'Reading inputs',
  user_code: 'Running your code',
  waiting_for_children: 'Waiting for children',
  waiting_for_answer: 'Waiting for a person',
  writing_outputs: 'Writing outputs',
};

/** The end of the CSS variables `--bar-…` that each is painted with. */
export const DOING_TOKENS: Record<Doing, string> = {
  queued: 'queued',
  waiting_for_resources: 'waiting',
  starting: 'starting',
  reading_inputs: 'recovered',
  user_code: 'running',
  waiting_for_children: 'pale',
  waiting_for_answer: 'paused',
  writing_outputs: 'succeeded',
};

/** The order in which they are shown: the code first. */
export const DOING_ORDER: readonly Doing[] = [
  'user_code',
  'reading_inputs',
  'writing_outputs',
  'waiting_for_resources',
  'starting',
  'queued',
  'waiting_for_answer',
  'waiting_for_children',
];

export interface Report {
  duration_ms: number;
  open: boolean;
  path: Times;
  tasks: {
    task: string;
    name: string;
    actions: number;
    total: Times;
    on_path: { actions: number; time_ms: number; share: number; times: Times };
  }[];
  improvements: { change: string; task: string; title: string; saves_ms: number }[];
  parallelism: { peak: number; average: number; slices: number[] };
  /** The longest, longest first. */
  actions: { action: string; name: string; duration_ms: number; slack_ms: number; on_path: boolean }[];
}

/** One end of an edge, as somebody at the other end sees it. */
export interface Link {
  row: number;
  param: string;
  relation: number;
  confidence: number;
}

/** Where an action's values came from, by name, and where they went. */
export interface Lineage {
  inputs: Map<string, Link[]>;
  outputs: Map<string, Link[]>;
  handedOn: Link[];
  usedBy: Link[];
}

interface FlowHeader {
  seq: number;
  params: string[];
  report: Report;
}

export class Flow {
  readonly report: Report;
  readonly seq: number;
  readonly params: string[];
  readonly ids: string[];
  readonly source: Numbers;
  readonly target: Numbers;
  readonly param: Numbers;
  readonly relation: Numbers;
  readonly confidence: Numbers;
  readonly pathAction: Numbers;
  readonly pathBegin: Numbers;
  readonly pathEnd: Numbers;

  constructor(buffer: ArrayBuffer) {
    const columns = new Columns(buffer);
    const header = columns.header as unknown as FlowHeader;
    this.report = header.report;
    this.seq = header.seq;
    this.params = header.params;
    this.ids = columns.strings('id');
    this.source = columns.numbers('edge_source');
    this.target = columns.numbers('edge_target');
    this.param = columns.numbers('edge_param');
    this.relation = columns.numbers('edge_relation');
    this.confidence = columns.numbers('edge_confidence');
    this.pathAction = columns.numbers('path_action');
    this.pathBegin = columns.numbers('path_begin');
    this.pathEnd = columns.numbers('path_end');
  }

  /** Of each id its row, -1 for what the page does not know yet. */
  rowsIn(model: RunModel): Int32Array {
    return Int32Array.from(this.ids, id => model.rowById(id) ?? -1);
  }

  lineage(model: RunModel, row: number): Lineage {
    const found: Lineage = { inputs: new Map(), outputs: new Map(), handedOn: [], usedBy: [] };
    const own = this.ids.indexOf(model.ids[row]!);
    for (let i = 0; own >= 0 && i < this.source.length; i++) {
      const [source, target, relation] = [this.source[i]!, this.target[i]!, this.relation[i]!];
      if ((source !== own && target !== own) || relation === ORDER) continue;
      const other = model.rowById(this.ids[source === own ? target : source]!);
      if (other === undefined) continue;
      const param = this.params[this.param[i]!]!;
      const link = { row: other, param, relation, confidence: this.confidence[i]! };
      if (source === own) (relation === ARGUMENT ? found.handedOn : found.usedBy).push(link);
      else {
        const side = relation === RESULT ? found.outputs : found.inputs;
        side.set(param, [...(side.get(param) ?? []), link]);
      }
    }
    return found;
  }

  /** Time on the critical path, by row. */
  pathTime(rows: Int32Array): Map<number, number> {
    const found = new Map<number, number>();
    for (let i = 0; i < this.pathAction.length; i++) {
      const row = rows[this.pathAction[i]!]!;
      if (row >= 0) found.set(row, (found.get(row) ?? 0) + this.pathEnd[i]! - this.pathBegin[i]!);
    }
    return found;
  }
}
