import type { Columns, Header, Numbers } from './decode';
import { groupPhase, isBad, isTerminal, PHASE_COUNT } from './phases';

/** A place in the tree: a row (an action) from 0 up, or a group of siblings from -2 down. */
export type Node = number;

export const ROOT: Node = 0;
const NONE = -1;
const FIRST_CAPACITY = 256;

export const KIND_TASK = 0;
export const KIND_TRACE = 1;
export const KIND_CONDITION = 2;

export const CACHE_HIT = 2;

export const isGroup = (node: Node): boolean => node < NONE;
const groupNode = (index: number): Node => -2 - index;
const groupIndex = (node: Node): number => -2 - node;

interface Group {
  name: string;
  parent: number;
  /** The smallest place of a member: where the group stands among its siblings. */
  first: number;
  counts: Int32Array;
}

class Words {
  readonly all: string[] = [];
  private readonly index = new Map<string, number>();

  of(word: string): number {
    let number = this.index.get(word);
    if (number === undefined) {
      number = this.all.length;
      this.index.set(word, number);
      this.all.push(word);
    }
    return number;
  }
}

export interface Cause {
  code: string;
  cause: string;
  kind: string;
}

/**
 * A whole run in typed arrays: one row an action, kept up to date by deltas.
 * `version` rises with every change, `structure` when rows came; listeners are told once a batch.
 */
export class RunModel {
  rows = 0;
  seq = 0;
  /** The run's creation, milliseconds since the epoch; all moments of rows count from it, absent ones are -1. */
  base = 0;
  version = 0;
  structure = 0;

  ids: string[] = [];
  parent = new Int32Array(FIRST_CAPACITY);
  queued = new Float64Array(FIRST_CAPACITY);
  waiting = new Float64Array(FIRST_CAPACITY);
  starting = new Float64Array(FIRST_CAPACITY);
  running = new Float64Array(FIRST_CAPACITY);
  ended = new Float64Array(FIRST_CAPACITY);
  order = new Uint32Array(FIRST_CAPACITY);
  phase = new Uint8Array(FIRST_CAPACITY);
  kind = new Uint8Array(FIRST_CAPACITY);
  attempts = new Uint8Array(FIRST_CAPACITY);
  cache = new Uint8Array(FIRST_CAPACITY);
  name = new Uint32Array(FIRST_CAPACITY);
  task = new Uint32Array(FIRST_CAPACITY);
  env = new Uint32Array(FIRST_CAPACITY);
  error = new Uint32Array(FIRST_CAPACITY);
  private groupOf = new Int32Array(FIRST_CAPACITY);
  /** Descendants by phase, `PHASE_COUNT` numbers a row. */
  private below = new Int32Array(FIRST_CAPACITY * PHASE_COUNT);

  /** All rows by phase. */
  readonly counts = new Int32Array(PHASE_COUNT);
  readonly cuts = new Map<number, number[]>();
  readonly causes: Cause[] = [];

  private readonly names = new Words();
  private readonly tasks = new Words();
  private readonly envs = new Words();
  private readonly causeIndex = new Map<string, number>();
  private readonly groups: Group[] = [];
  private readonly groupKeys = new Map<string, number>();
  private readonly rowOf = new Map<string, number>();
  private readonly kids = new Map<Node, Node[]>();
  private readonly unsorted = new Set<Node>();
  private readonly orphans = new Map<string, number[]>();
  private readonly listeners = new Set<() => void>();

  static from(columns: Columns): RunModel {
    const model = new RunModel();
    model.apply(columns);
    return model;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getVersion = (): number => this.version;

  /** Take a snapshot or a delta; returns the rows that changed. One older than what is known is ignored. */
  apply(columns: Columns): number[] {
    const { header } = columns;
    if (header.seq < this.seq) return [];
    this.base = header.base_ms;
    const changed = this.merge(columns, header);
    this.seq = header.seq;
    this.version++;
    for (const listener of this.listeners) listener();
    return changed;
  }

  rowById(id: string): number | undefined {
    return this.rowOf.get(id);
  }

  /** The node that an address names: an action's id, or `group:<parent id>/<group>`. */
  nodeById(id: string): Node | undefined {
    if (!id.startsWith('group:')) return this.rowOf.get(id);
    const slash = id.indexOf('/');
    const parent = this.rowOf.get(id.slice(6, slash));
    const index = parent === undefined ? undefined : this.groupKeys.get(`${parent}/${id.slice(slash + 1)}`);
    return index === undefined ? undefined : groupNode(index);
  }

  idOf(node: Node): string {
    if (!isGroup(node)) return this.ids[node]!;
    const group = this.groups[groupIndex(node)]!;
    return `group:${this.ids[group.parent]}/${group.name}`;
  }

  nameOf(node: Node): string {
    return isGroup(node) ? this.groups[groupIndex(node)]!.name : this.names.all[this.name[node]!]!;
  }

  taskOf(row: number): string {
    return this.tasks.all[this.task[row]!]!;
  }

  envOf(row: number): string {
    return this.envs.all[this.env[row]!]!;
  }

  causeOf(row: number): Cause | undefined {
    return this.error[row] ? this.causes[this.error[row]!] : undefined;
  }

  /** The node above, group or action; -1 above the root and above what has no known parent yet. */
  above(node: Node): Node {
    if (isGroup(node)) return this.groups[groupIndex(node)]!.parent;
    return this.groupOf[node] !== NONE ? groupNode(this.groupOf[node]!) : this.parent[node]!;
  }

  /** The nodes directly below, in call order; a group stands where its first member stands. */
  childrenOf(node: Node): readonly Node[] {
    const found = this.kids.get(node);
    if (!found) return [];
    if (this.unsorted.delete(node)) found.sort((a, b) => this.place(a) - this.place(b));
    return found;
  }

  hasChildren(node: Node): boolean {
    return this.kids.has(node);
  }

  /** Descendants of a node by phase, itself not counted. */
  countsBelow(node: Node): Int32Array {
    if (isGroup(node)) return this.groups[groupIndex(node)]!.counts;
    return this.below.subarray(node * PHASE_COUNT, (node + 1) * PHASE_COUNT);
  }

  totalBelow(node: Node): number {
    return this.countsBelow(node).reduce((sum, count) => sum + count, 0);
  }

  failedBelow(node: Node): number {
    return this.countsBelow(node).reduce((sum, count, phase) => sum + (isBad(phase) ? count : 0), 0);
  }

  phaseOf(node: Node): number {
    return isGroup(node) ? groupPhase(this.countsBelow(node)) : this.phase[node]!;
  }

  /** When a node began and ended, `now` for what has not ended; all counted from `base`. */
  spanOf(node: Node, now: number): [begin: number, end: number] {
    if (!isGroup(node)) return [this.queued[node]!, this.ended[node]! < 0 ? now : this.ended[node]!];
    let begin = Number.POSITIVE_INFINITY;
    let end = 0;
    for (const child of this.childrenOf(node)) {
      begin = Math.min(begin, this.queued[child]!);
      end = Math.max(end, this.ended[child]! < 0 ? now : this.ended[child]!);
    }
    return [begin, end];
  }

  /** Every row below a node. */
  *rowsBelow(node: Node): Generator<number> {
    const stack = [...this.childrenOf(node)];
    while (stack.length) {
      const next = stack.pop()!;
      if (!isGroup(next)) yield next;
      const below = this.kids.get(next);
      if (below) for (const child of below) stack.push(child);
    }
  }

  get finished(): boolean {
    return this.rows > 0 && isTerminal(this.phase[ROOT]!);
  }

  /** The end of the time axis: when the last row ended, or `now` while something is under way. */
  extent(now: number): number {
    if (!this.finished) return Math.max(1, now);
    let end = 1;
    for (let row = 0; row < this.rows; row++) if (this.ended[row]! > end) end = this.ended[row]!;
    return end;
  }

  private place(node: Node): number {
    return isGroup(node) ? this.groups[groupIndex(node)]!.first : this.order[node]!;
  }

  private merge(columns: Columns, header: Header): number[] {
    const ids = columns.strings('id');
    const tick = header.tick_ms;
    const column = (name: string): Numbers => columns.numbers(name);
    const moments: [Float64Array, Numbers][] = [];
    const order = column('order');
    const kind = column('kind');
    const parent = column('parent');
    const group = column('group');
    const words = (dictionary: Words, list: string[]) => list.map(word => dictionary.of(word));
    const names = words(this.names, header.names);
    const tasks = words(this.tasks, header.tasks);
    const envs = words(this.envs, header.envs);
    const causes = header.errors.map(error => this.causeNumber(error));
    const [name, task, env, error] = [column('name'), column('task'), column('env'), column('error')];
    const [phase, attempts, cache] = [column('phase'), column('attempts'), column('cache')];

    const rows = ids.map(id => this.rowOf.get(id) ?? NONE);
    const fresh = rows.reduce((sum, row) => sum + (row === NONE ? 1 : 0), 0);
    this.reserve(this.rows + fresh);
    for (const moment of ['queued', 'waiting', 'starting', 'running', 'ended'] as const) {
      moments.push([this[moment], column(moment)]);
    }
    const added: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      let row = rows[i]!;
      const isNew = row === NONE;
      if (isNew) {
        row = rows[i] = this.rows++;
        added.push(i);
        this.ids[row] = ids[i]!;
        this.rowOf.set(ids[i]!, row);
        this.order[row] = order[i]!;
        this.kind[row] = kind[i]!;
        this.name[row] = names[name[i]!]!;
        this.task[row] = tasks[task[i]!]!;
        this.env[row] = envs[env[i]!]!;
        this.parent[row] = NONE;
        this.groupOf[row] = NONE;
        this.phase[row] = 0;
      }
      for (const [own, sent] of moments) own[row] = sent[i]! < 0 ? -1 : sent[i]! * tick;
      this.attempts[row] = attempts[i]!;
      this.cache[row] = cache[i]!;
      this.error[row] = causes[error[i]!]!;
      if (!isNew) this.setPhase(row, phase[i]!);
    }
    for (const i of added) {
      const parentId = header.parents ? header.parents[parent[i]!]! : parent[i]! < 0 ? '' : ids[parent[i]!]!;
      this.settle(rows[i]!, parentId, header.groups[group[i]!]!);
      this.setPhase(rows[i]!, phase[i]!);
    }
    if (added.length) this.structure++;
    this.takeCuts(columns, rows, tick);
    return rows;
  }

  private settle(row: number, parentId: string, group: string): void {
    if (parentId) {
      const parent = this.rowOf.get(parentId);
      if (parent === undefined) {
        const waiting = this.orphans.get(`${parentId}\n${group}`) ?? [];
        this.orphans.set(`${parentId}\n${group}`, [...waiting, row]);
      } else {
        this.attach(row, parent, group);
      }
    }
    if (this.orphans.size) this.adopt(this.ids[row]!, row);
  }

  private adopt(id: string, parent: number): void {
    for (const [key, rows] of this.orphans) {
      const [wanted, group] = key.split('\n') as [string, string];
      if (wanted !== id) continue;
      this.orphans.delete(key);
      for (const row of rows) this.attach(row, parent, group);
    }
  }

  private attach(row: number, parent: number, group: string): void {
    this.parent[row] = parent;
    let container: Node = parent;
    if (group) {
      const key = `${parent}/${group}`;
      let index = this.groupKeys.get(key);
      if (index === undefined) {
        index = this.groups.length;
        this.groupKeys.set(key, index);
        this.groups.push({
          name: group,
          parent,
          first: this.order[row]!,
          counts: new Int32Array(PHASE_COUNT),
        });
        this.addChild(parent, groupNode(index));
      }
      this.groupOf[row] = index;
      container = groupNode(index);
      const known = this.groups[index]!;
      if (this.order[row]! < known.first) {
        known.first = this.order[row]!;
        this.unsorted.add(parent);
      }
    }
    this.addChild(container, row);
    // What the row already carries (its own phase, its descendants') is told to everything above it.
    const own = this.phase[row]!;
    if (!own && !this.kids.has(row)) return;
    for (let node = container; node !== NONE; node = this.above(node)) {
      const counts = this.countsBelow(node);
      if (own) counts[own]!++;
      const carried = this.countsBelow(row);
      for (let phase = 1; phase < PHASE_COUNT; phase++) counts[phase]! += carried[phase]!;
    }
  }

  private addChild(container: Node, node: Node): void {
    const kids = this.kids.get(container);
    if (!kids) {
      this.kids.set(container, [node]);
      return;
    }
    if (this.place(kids[kids.length - 1]!) > this.place(node)) this.unsorted.add(container);
    kids.push(node);
  }

  private setPhase(row: number, phase: number): void {
    const before = this.phase[row]!;
    if (before === phase) return;
    this.phase[row] = phase;
    if (before) this.counts[before]!--;
    this.counts[phase]!++;
    for (let node = this.above(row); node !== NONE; node = this.above(node)) {
      // Without a view of a row's part: this is done for every row of a snapshot.
      const counts = isGroup(node) ? this.groups[groupIndex(node)]!.counts : this.below;
      const at = isGroup(node) ? 0 : node * PHASE_COUNT;
      if (before) counts[at + before]!--;
      counts[at + phase]!++;
    }
  }

  private causeNumber(error: Cause): number {
    const key = `${error.code}\n${error.cause}\n${error.kind}`;
    let number = this.causeIndex.get(key);
    if (number === undefined) {
      number = this.causes.length;
      this.causeIndex.set(key, number);
      this.causes.push(error);
    }
    return number;
  }

  private takeCuts(columns: Columns, rows: number[], tick: number): void {
    const row = columns.numbers('cut_row');
    const count = columns.numbers('cut_count');
    const at = columns.numbers('cut_at');
    let next = 0;
    for (let i = 0; i < row.length; i++) {
      const end = next + count[i]!;
      this.cuts.set(
        rows[row[i]!]!,
        Array.from(at.subarray(next, end), value => value * tick),
      );
      next = end;
    }
  }

  private reserve(rows: number): void {
    let capacity = this.parent.length;
    if (rows <= capacity) return;
    while (capacity < rows) capacity *= 2;
    const grown = <T extends Numbers | Float64Array>(array: T, size = capacity): T => {
      const larger = new (array.constructor as new (length: number) => T)(size);
      larger.set(array as never);
      return larger;
    };
    this.parent = grown(this.parent);
    this.queued = grown(this.queued);
    this.waiting = grown(this.waiting);
    this.starting = grown(this.starting);
    this.running = grown(this.running);
    this.ended = grown(this.ended);
    this.order = grown(this.order);
    this.phase = grown(this.phase);
    this.kind = grown(this.kind);
    this.attempts = grown(this.attempts);
    this.cache = grown(this.cache);
    this.name = grown(this.name);
    this.task = grown(this.task);
    this.env = grown(this.env);
    this.error = grown(this.error);
    this.groupOf = grown(this.groupOf);
    this.below = grown(this.below, capacity * PHASE_COUNT);
  }
}
