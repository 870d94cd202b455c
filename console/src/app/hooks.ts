import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { serverNow } from '../api/clock';
import { live } from '../api/live';
import { getSettings } from './settings';

/** The server's time, renewed every `period` milliseconds while `on`. */
export function useNow(period: number, on = true): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    setNow(serverNow());
    if (!on) return;
    const timer = setInterval(() => {
      if (!document.hidden) setNow(serverNow());
    }, period);
    return () => clearInterval(timer);
  }, [period, on]);
  return now;
}

export function useLiveStatus() {
  return useSyncExternalStore(live.onStatus, live.getStatus);
}

/** Keys pressed outside of text fields, without modifiers. The handler returns whether it took the key. */
export function useKeys(handler: (key: string, event: KeyboardEvent) => boolean): void {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target as HTMLElement;
      const dialog = target.closest('dialog');
      // The field of a dialog that just closed may hold the focus until the next frame.
      if (dialog ? dialog.open : target.closest('input, textarea, select')) return;
      if (event.key.length === 1 && !getSettings().letters) return;
      if (latest.current(event.key, event)) event.preventDefault();
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}

export function useSize<T extends HTMLElement>(): [React.RefObject<T | null>, number, number] {
  const element = useRef<T>(null);
  const [[width, height], setSize] = useState<[number, number]>([0, 0]);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => {
      const box = entry!.contentRect;
      setSize([Math.floor(box.width), Math.floor(box.height)]);
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width, height];
}
