/** The server's clock, as seen from here. Ages and elapsed times are counted with it. */
let offset = 0;

export function heardNow(serverNow: number): void {
  const difference = serverNow - Date.now();
  // A message was under way for a while: only a difference that a delay cannot explain is believed at once.
  offset = Math.abs(difference - offset) > 500 ? difference : offset + (difference - offset) / 8;
}

export function serverNow(): number {
  return Date.now() + offset;
}
