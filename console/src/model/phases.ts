/** The phases of an action, numbered as on the wire; 0 is no phase. */
export const PHASE_NAMES = [
  '',
  'queued',
  'waiting_for_resources',
  'initializing',
  'running',
  'succeeded',
  'failed',
  'aborted',
  'timed_out',
  'paused',
  'recovered',
] as const;

export const QUEUED = 1;
export const WAITING = 2;
export const STARTING = 3;
export const RUNNING = 4;
export const SUCCEEDED = 5;
export const FAILED = 6;
export const ABORTED = 7;
export const TIMED_OUT = 8;
export const PAUSED = 9;
export const RECOVERED = 10;
export const PHASE_COUNT = 11;

export const PHASE_WORDS = [
  '',
  'Queued',
  'Waiting',
  'Starting',
  'Running',
  'Succeeded',
  'Failed',
  'Aborted',
  'Timed out',
  'Needs input',
  'Recovered',
] as const;

/** The longer word, where there is room for it. */
export const PHASE_LONG = [
  '',
  'Queued',
  'Waiting for resources',
  'Starting',
  'Running',
  'Succeeded',
  'Failed',
  'Aborted',
  'Timed out',
  'Needs input',
  'Recovered',
] as const;

/** The end of the CSS variables `--ph-…` and `--bar-…`. */
export const PHASE_TOKENS = [
  '',
  'queued',
  'waiting',
  'starting',
  'running',
  'succeeded',
  'failed',
  'aborted',
  'timedout',
  'paused',
  'recovered',
] as const;

/** The order in which chips are shown: what asks for attention first. */
export const CHIP_ORDER = [
  FAILED,
  TIMED_OUT,
  PAUSED,
  RUNNING,
  STARTING,
  WAITING,
  QUEUED,
  ABORTED,
  RECOVERED,
  SUCCEEDED,
];

/** The order of segments in the phase bar: done first. */
export const BAR_ORDER = [
  SUCCEEDED,
  RECOVERED,
  FAILED,
  TIMED_OUT,
  ABORTED,
  PAUSED,
  RUNNING,
  STARTING,
  WAITING,
  QUEUED,
];

const GROUP_ORDER = [
  PAUSED,
  RUNNING,
  STARTING,
  WAITING,
  QUEUED,
  FAILED,
  TIMED_OUT,
  ABORTED,
  SUCCEEDED,
  RECOVERED,
];

export function phaseNumber(name: string): number {
  return Math.max(0, PHASE_NAMES.indexOf(name as (typeof PHASE_NAMES)[number]));
}

export function isTerminal(phase: number): boolean {
  return phase === RECOVERED || (phase >= SUCCEEDED && phase <= TIMED_OUT);
}

export function isBad(phase: number): boolean {
  return phase === FAILED || phase === TIMED_OUT;
}

/** The phase that stands for many: the first of a fixed order that occurs. */
export function groupPhase(counts: ArrayLike<number>): number {
  return GROUP_ORDER.find(phase => counts[phase]! > 0) ?? QUEUED;
}
