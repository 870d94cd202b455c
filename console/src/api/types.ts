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

export interface Attempt {
  number: number;
  state: string;
  worker: string;
  ended_ms: number | null;
  error: ErrorInfo | null;
  log_bytes: number;
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

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface ShownValue {
  name: string;
  type: string;
  size_bytes: number;
  truncated: boolean;
  value?: Json;
  preview?: string;
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
