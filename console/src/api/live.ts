import { ApiError, request } from './client';
import { heardNow } from './clock';
import { readEvents, type ServerEvent } from './sse';

/**
 * One live stream for the whole browser: the tab that holds the lock reads it and tells the others,
 * since HTTP/1.1 gives a browser six connections to a server in all.
 */

export interface LiveEvent {
  topic: string;
  event: string;
  cursor: number | null;
  data: Record<string, unknown>;
}

export interface LiveStatus {
  state: 'idle' | 'connecting' | 'live' | 'lost';
  /** When the server was heard last. */
  heard: number;
}

type Wanted = Record<string, number | null>;
type Message =
  | { type: 'want'; tab: string; topics: Wanted | null }
  | { type: 'who' }
  | { type: 'event'; event: LiveEvent }
  | { type: 'status'; status: LiveStatus };

interface Subscription {
  topic: string;
  cursor: number | null;
  handler: (event: LiveEvent) => void;
}

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

class Live {
  private readonly tab = Math.random().toString(36).slice(2);
  private readonly subscriptions = new Set<Subscription>();
  private readonly listeners = new Set<() => void>();
  private readonly wantedByTab = new Map<string, Wanted | null>();
  private readonly channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('godwit.live') : null;
  private status: LiveStatus = { state: 'idle', heard: 0 };
  private leading = false;
  private cursors: Wanted = {};
  private connection: AbortController | null = null;
  private restart: ReturnType<typeof setTimeout> | undefined;
  private delay = FIRST_DELAY;
  private started = false;

  subscribe(topic: string, cursor: number | null, handler: (event: LiveEvent) => void): () => void {
    this.start();
    const subscription = { topic, cursor, handler };
    this.subscriptions.add(subscription);
    this.want();
    return () => {
      this.subscriptions.delete(subscription);
      this.want();
    };
  }

  onStatus = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getStatus = (): LiveStatus => this.status;

  /** Begin to listen: from the first page on, so that the server knows that somebody looks. */
  start(): void {
    if (this.started) return;
    this.started = true;
    if (this.channel) this.channel.onmessage = message => this.receive(message.data as Message);
    document.addEventListener('visibilitychange', () => this.want());
    addEventListener('pagehide', () => this.tell({ type: 'want', tab: this.tab, topics: null }));
    addEventListener('pageshow', () => this.want());
    addEventListener('online', () => this.hurry());
    if (!this.channel || !navigator.locks) {
      this.lead();
      return;
    }
    void navigator.locks.request('godwit.live', () => {
      this.lead();
      return new Promise<never>(() => undefined);
    });
  }

  private lead(): void {
    this.leading = true;
    this.channel?.postMessage({ type: 'who' } satisfies Message);
    this.want();
  }

  /** What this tab wants to hear of: nothing while nobody looks at it. */
  private want(): void {
    const topics: Wanted = {};
    for (const { topic, cursor } of this.subscriptions) topics[topic] = lower(topics[topic], cursor);
    this.tell({ type: 'want', tab: this.tab, topics: document.visibilityState === 'hidden' ? null : topics });
  }

  private tell(message: Message): void {
    this.channel?.postMessage(message);
    this.receive(message);
  }

  private receive(message: Message): void {
    switch (message.type) {
      case 'who':
        this.want();
        break;
      case 'want':
        if (this.leading) this.arrange(message.tab, message.topics);
        break;
      case 'event':
        this.deliver(message.event);
        break;
      case 'status':
        this.status = message.status;
        for (const listener of this.listeners) listener();
        break;
    }
  }

  private deliver(event: LiveEvent): void {
    if (typeof event.data.now_ms === 'number') heardNow(event.data.now_ms);
    for (const subscription of [...this.subscriptions]) {
      if (subscription.topic !== event.topic) continue;
      if (event.cursor !== null) subscription.cursor = event.cursor;
      subscription.handler(event);
    }
  }

  /** Whether any tab is looked at: then the server is to know, even if there is nothing to tell. */
  private watched(): boolean {
    return [...this.wantedByTab.values()].some(wanted => wanted !== null);
  }

  private arrange(tab: string, topics: Wanted | null): void {
    const before = this.watched();
    this.wantedByTab.set(tab, topics);
    const union: Wanted = {};
    for (const wanted of this.wantedByTab.values()) {
      if (wanted === null) continue;
      for (const [topic, cursor] of Object.entries(wanted)) union[topic] = lower(union[topic], cursor);
    }
    const same =
      Object.keys(union).length === Object.keys(this.cursors).length &&
      Object.entries(union).every(([topic, cursor]) => {
        const have = this.cursors[topic];
        return have !== undefined && (cursor === null || (have !== null && have <= cursor));
      });
    if (same && before === this.watched()) return;
    for (const [topic, cursor] of Object.entries(union)) {
      const have = this.cursors[topic];
      union[topic] = have === undefined ? cursor : lower(have, cursor);
    }
    this.cursors = union;
    this.delay = FIRST_DELAY;
    this.connect(20);
  }

  private hurry(): void {
    if (this.leading && this.status.state === 'lost') this.connect(0);
  }

  private connect(after: number): void {
    clearTimeout(this.restart);
    this.restart = setTimeout(() => void this.read(), after);
  }

  private async read(): Promise<void> {
    this.connection?.abort();
    const topics = Object.entries(this.cursors);
    if (!this.watched()) {
      this.say('idle');
      return;
    }
    const connection = new AbortController();
    this.connection = connection;
    if (this.status.state !== 'lost') this.say('connecting');
    const list = topics.map(([topic, cursor]) => (cursor === null ? topic : `${topic}@${cursor}`)).join(',');
    try {
      const response = await request(`/v2/api/stream?topics=${encodeURIComponent(list)}`, {
        signal: connection.signal,
      });
      await readEvents(response, event => {
        if (!connection.signal.aborted) this.heard(event);
      });
    } catch (error) {
      if (connection.signal.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) this.delay = LONGEST_DELAY;
      this.say('lost');
    }
    if (connection.signal.aborted) return;
    this.connect(this.delay * (0.75 + Math.random() / 2));
    this.delay = Math.min(LONGEST_DELAY, this.delay * 2);
  }

  private heard(event: ServerEvent): void {
    this.delay = FIRST_DELAY;
    const { topic, cursor, ...data } = JSON.parse(event.data) as {
      topic?: string;
      cursor?: number | null;
    } & Record<string, unknown>;
    if (typeof data.now_ms === 'number') heardNow(data.now_ms);
    this.say('live');
    if (topic === undefined) return;
    if (event.event === 'end' || event.event === 'gone') {
      delete this.cursors[topic];
      for (const wanted of this.wantedByTab.values()) delete wanted?.[topic];
    } else {
      this.cursors[topic] = cursor ?? null;
    }
    this.tell({ type: 'event', event: { topic, event: event.event, cursor: cursor ?? null, data } });
  }

  private say(state: LiveStatus['state']): void {
    const heard = state === 'live' ? Date.now() : this.status.heard;
    this.tell({ type: 'status', status: { state, heard } });
  }
}

function lower(a: number | null | undefined, b: number | null): number | null {
  if (a === undefined) return b;
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

export const live = new Live();

const part = encodeURIComponent;

export function runTopic(project: string, domain: string, name: string): string {
  return `run:${part(project)}/${part(domain)}/${part(name)}`;
}

export function runsTopic(project: string, domain: string): string {
  return `runs:${part(project)}/${part(domain)}`;
}
