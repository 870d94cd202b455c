/** Server-sent events over fetch: the caller sees every event, heartbeats too, and decides when to come back. */

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

export class EventParser {
  private rest = '';

  /** Whole events in what has arrived so far. */
  push(text: string): ServerEvent[] {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop()!;
    return blocks.map(parse).filter(event => event.data !== '');
  }
}

function parse(block: string): ServerEvent {
  const event: ServerEvent = { id: '', event: 'message', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, '');
    const field = line.slice(0, colon);
    if (field === 'id' || field === 'event') event[field] = value;
    else if (field === 'data') event.data += event.data ? `\n${value}` : value;
  }
  return event;
}

/** Reads a stream to its end. Throws when it breaks or when nothing arrives for `silence` milliseconds. */
export async function readEvents(
  response: Response,
  onEvent: (event: ServerEvent) => void,
  silence = 25_000,
): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('The stream went silent.')), silence);
    });
    try {
      const { done, value } = await Promise.race([reader.read(), quiet]);
      if (done) return;
      for (const event of parser.push(value)) onEvent(event);
    } catch (error) {
      reader.cancel().catch(() => undefined);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
