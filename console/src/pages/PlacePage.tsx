import { useTitle } from '../app/hooks';
import { Command, Notice } from '../ui/controls';

/** Places of the rail whose services this server does not have, each with what does the work instead. */
const PLACES = {
  triggers: {
    title: 'Triggers',
    text: 'This server starts no runs by itself yet. Until it does, the machine’s own timer can:',
    command:
      "crontab -l | { cat; echo '0 2 * * * flyte run --detach my_script.py pipeline --x 5'; } | crontab -",
  },
  apps: {
    title: 'Apps',
    text: 'This server serves no apps yet: long-running services are started outside of it. What it does is run tasks:',
    command: 'flyte run my_script.py pipeline --x 5',
  },
  secrets: {
    title: 'Secrets',
    text: 'The server keeps no secrets. A task that declares secrets=["api-key"] finds API_KEY in its environment: its worker reads it from the file .env in the directory that the run was started in, and it is never recorded. More in docs/howto/secrets.md.',
    command: "echo 'API_KEY=...' >> .env && flyte run my_script.py pipeline --x 5",
  },
} as const;

export type Place = keyof typeof PLACES;

export function PlacePage({ place }: { place: Place }) {
  const { title, text, command } = PLACES[place];
  useTitle(`${title} · Godwit`);
  return (
    <main>
      <Notice title={title} page>
        <p>{text}</p>
        <Command>{command}</Command>
      </Notice>
    </main>
  );
}
