import { PHASE_LONG, PHASE_TOKENS, PHASE_WORDS } from '../model/phases';
import css from './PhaseGlyph.module.css';

const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.6, strokeLinecap: 'round' as const };

/** One shape a phase, so that colour is never the only sign. */
const SHAPES = [
  null,
  <circle key={1} cx="8" cy="8" r="5.8" {...line} strokeDasharray="2.4 2.15" />,
  <path
    key={2}
    d="M4.5 2.5h7M4.5 13.5h7M5.3 2.5c0 3 5.4 4 5.4 5.5s-5.4 2.5-5.4 5.5M10.7 2.5c0 3-5.4 4-5.4 5.5s5.4 2.5 5.4 5.5"
    {...line}
    strokeWidth={1.3}
  />,
  <g key={3}>
    <circle cx="8" cy="8" r="5.8" {...line} />
    <path d="M8 2.2a5.8 5.8 0 0 1 0 11.6z" fill="currentColor" />
  </g>,
  <g key={4} className={css.spin}>
    <circle cx="8" cy="8" r="5.6" {...line} strokeWidth={2} opacity={0.25} />
    <path d="M8 2.4a5.6 5.6 0 0 1 5.6 5.6" {...line} strokeWidth={2} />
  </g>,
  <g key={5}>
    <circle cx="8" cy="8" r="6.4" fill="currentColor" />
    <path d="m5.2 8.2 2 2 3.7-4.2" {...line} stroke="var(--panel)" strokeLinejoin="round" />
  </g>,
  <g key={6}>
    <path d="M5.4 1.6h5.2l3.8 3.8v5.2l-3.8 3.8H5.4l-3.8-3.8V5.4z" fill="currentColor" />
    <path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" {...line} stroke="var(--panel)" />
  </g>,
  <g key={7}>
    <circle cx="8" cy="8" r="5.8" {...line} />
    <path d="m4 4 8 8" {...line} />
  </g>,
  <g key={8}>
    <circle cx="8" cy="8.9" r="5" {...line} />
    <path d="M8 6.3v2.8l1.8 1M6.4 1.6h3.2M12.2 3.4l1 1" {...line} strokeWidth={1.4} />
  </g>,
  <g key={9}>
    <path d="M8 1.2 14.8 8 8 14.8 1.2 8z" fill="currentColor" />
    <path d="M6.6 6v4M9.4 6v4" {...line} stroke="var(--panel)" />
  </g>,
  <g key={10}>
    <path d="M13.6 8a5.6 5.6 0 1 1-2-4.3M11.8 1.4v2.6H9.2" {...line} />
    <path d="m5.6 8.1 1.7 1.7 3-3.4" {...line} strokeLinejoin="round" />
  </g>,
];

export function PhaseGlyph({ phase, size = 14 }: { phase: number; size?: number }) {
  return (
    <svg
      className={css.glyph}
      viewBox="0 0 16 16"
      width={size}
      height={size}
      style={{ color: `var(--ph-${PHASE_TOKENS[phase]})` }}
      aria-hidden="true"
    >
      {SHAPES[phase]}
    </svg>
  );
}

/** Glyph and word: how a status is shown everywhere. */
export function PhaseWord({ phase, long = false }: { phase: number; long?: boolean }) {
  return (
    <span className={css.word} style={{ color: `var(--ph-${PHASE_TOKENS[phase]})` }}>
      <PhaseGlyph phase={phase} />
      {(long ? PHASE_LONG : PHASE_WORDS)[phase]}
    </span>
  );
}

export function PhasePill({ phase }: { phase: number }) {
  const token = PHASE_TOKENS[phase];
  return (
    <span
      className={css.pill}
      data-testid="status"
      style={{
        color: `var(--ph-${token})`,
        background: `color-mix(in srgb, var(--ph-${token}) 8%, var(--panel))`,
      }}
    >
      <PhaseGlyph phase={phase} size={15} />
      {PHASE_WORDS[phase]}
    </span>
  );
}
