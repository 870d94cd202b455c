import { setSetting } from '../app/settings';
import css from './Divider.module.css';

export const USUAL = 440;
const LEAST = 320;
const STEP = 40;
const most = () => Math.round(innerWidth * 0.6);
const within = (width: number) => Math.min(most(), Math.max(LEAST, Math.round(width)));

/** Usual, wide, put away, and round again. */
export function nextSplit(width: number): number {
  return width === 0 ? USUAL : width < most() - STEP ? most() : 0;
}

/** What one takes hold of to give the details beside a view more room or less. */
export function Divider({ width }: { width: number }) {
  if (!width) return null;
  return (
    <div
      className={css.divider}
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the details"
      aria-valuenow={width}
      aria-valuemin={LEAST}
      aria-valuemax={most()}
      tabIndex={0}
      onPointerDown={event => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={event => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) {
          setSetting({ details: within(innerWidth - event.clientX) });
        }
      }}
      onDoubleClick={() => setSetting({ details: USUAL })}
      onKeyDown={event => {
        const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        setSetting({ details: within(width + step) });
      }}
    />
  );
}
