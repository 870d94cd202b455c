/** What the server answers: see `flyte_server.http.console_api`. */

export interface RunKey {
  project: string;
  domain: string;
  name: string;
}

export interface RunRow {
  name: string;
  project: string;
  domain: string;
  task_name: string;
  phase: string;
  start_time: string | null;
  end_time: string | null;
  duration_ms: number | null;
  error: ErrorInfo | null;
  created_ms: number;
  start_ms: number | null;
  end_ms: number | null;
  labels: Record<string, string>;
  created_by: string;
  mode: 'local' | 'server';
  related_run: string;
  relation: string;
  actions: number;
  by_phase: Record<string, number>;
  changed_seq: number;
}

export interface RunDetail extends RunRow {
  task_version: string;
  env_name: string;
  interpreter: string;
  owner_pid: number | null;
  abort_reason: string | null;
  aborted_by: string;
}

export interface RunList {
  runs: RunRow[];
  cursor: string;
  total: number;
  watch: number;
  now_ms: number;
}

export interface ErrorInfo {
  code: string;
  message: string;
  kind: 'user' | 'system';
  traceback: string;
  worker?: string;
  recoverable?: boolean;
}

export interface LinkAddress {
  name: string;
  url: string;
}

export interface Attempt {
  number: number;
  state: string;
  worker: string;
  ended_ms: number | null;
  error: ErrorInfo | null;
  log_bytes: number;
  report: boolean;
  links: LinkAddress[];
  transitions: { phase: string; at_ms: number }[];
}

export interface ActionDetail {
  name: string;
  run_name: string;
  task_name: string;
  short_name: string;
  parent: string | null;
  seq: number;
  kind: string;
  phase: string;
  attempts: number;
  duration_ms: number | null;
  cache_status: string;
  group: string;
  env_name: string;
  task_type: string;
  task_version: string;
  created_ms: number;
  queued_ms: number;
  start_ms: number | null;
  end_ms: number | null;
  not_before_ms: number | null;
  error: ErrorInfo | null;
  tries: Attempt[];
  abort_reason: string | null;
  aborted_by: string;
  recovered_from: string;
  question: Question | null;
  task: TaskInfo | null;
  cache: { status: string; key: string; enabled: boolean; version: string };
  limits: {
    user_retries: number;
    user_failures: number;
    system_retries: number;
    system_losses: number;
    max_runtime_s: number | null;
    max_queued_s: number | null;
    deadline_s: number | null;
    cpu: number | null;
    memory_bytes: number | null;
    gpu: number;
  };
  version: number;
  changed_seq: number;
}

export interface Question {
  name: string;
  prompt: string;
  /** Whether the prompt is Markdown. */
  markdown: boolean;
  description: string;
  type: 'bool' | 'int' | 'float' | 'str';
}

export interface TaskInfo {
  short_description: string;
  description: string;
  inputs: [name: string, type: string][];
  outputs: [name: string, type: string][];
  image: string;
  command: string[];
  runtime: string;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface ShownValue {
  name: string;
  type: string;
  size_bytes: number;
  truncated: boolean;
  value?: Json;
  preview?: string;
  medium?: Medium;
}

/** A file, a directory or a table that a value names. `here`: the server has it. */
export interface Medium {
  kind: 'file' | 'dir' | 'table';
  uri: string;
  mime: string;
  here: boolean;
  size_bytes?: number;
  image?: boolean;
}

export interface TablePreview {
  columns: { name: string; type: string }[];
  rows: (string | boolean | null)[][];
  total_rows: number;
  total_columns: number;
  size_bytes: number;
  format: string;
}

export interface FileEntry {
  path: string;
  size_bytes: number;
}

export type Widget =
  | { kind: 'int' | 'float' | 'str' | 'bool' | 'datetime' | 'duration' | 'none' | 'uri' | 'json' }
  | { kind: 'enum'; options: string[] }
  | { kind: 'list'; items: Widget }
  | { kind: 'optional'; of: Widget }
  | { kind: 'object'; fields: Record<string, Widget> };

export interface Field {
  name: string;
  type: string;
  description: string;
  widget: Widget;
  given: boolean;
  value?: Json;
}

export interface RunForm {
  task_name: string;
  mode: 'local' | 'server';
  fields: Field[];
  labels: Record<string, string>;
  env: Record<string, string>;
}

export interface Again {
  inputs?: Record<string, Json>;
  recover?: boolean;
  overwrite_cache?: boolean;
  labels?: Record<string, string>;
  env?: Record<string, string>;
}

export interface TaskStats {
  name: string;
  runs: number;
  ended: number;
  ok: number;
  median_ms: number | null;
  last: { name: string; phase: string; duration_ms: number | null }[];
  last_ms: number;
}

export type MergedLine = [
  at: number,
  action: string,
  attempt: number,
  number: number,
  stream: string,
  text: string,
];

export interface Change {
  name: string;
  a?: Json;
  b?: Json;
}

export interface ShapeStats {
  count: number;
  failed: number;
  cached: number;
  attempts: number;
  total_ms: number;
  longest_ms: number;
  median_ms: number;
}

export interface ComparedRun {
  name: string;
  task_name: string;
  phase: string;
  created_ms: number;
  duration_ms: number;
}

export interface Comparison {
  a: ComparedRun;
  b: ComparedRun;
  duration_change_ms: number;
  inputs: Change[];
  outputs: Change[];
  environment: Change[];
  first_difference: {
    difference: string;
    path: string[];
    message: string;
    a: string | null;
    b: string | null;
    phases?: [string, string];
    versions?: [string, string];
    changes?: Change[];
  } | null;
  shapes: { path: string[]; a: ShapeStats | null; b: ShapeStats | null; change_ms: number }[];
}

export interface ValueSide {
  values: ShownValue[];
  size_bytes: number;
  problem: string;
}

export interface ActionIO {
  inputs: ValueSide;
  outputs: ValueSide;
}
