import { ApiError } from '../api/client';
import { Button, Notice } from './controls';

/** What failed, why, what to do next. */
export function Problem({
  error,
  what,
  retry,
  page,
}: {
  error: Error;
  what: string;
  retry?: () => void;
  page?: boolean;
}) {
  const hint = error instanceof ApiError ? error.hint : '';
  return (
    <Notice title={`Could not load ${what}`} tone="bad" page={page}>
      <p>{error.message}</p>
      {hint && (
        <p>
          <Hint text={hint} />
        </p>
      )}
      {retry && <Button onClick={retry}>Try again</Button>}
    </Notice>
  );
}

/** A hint of the server, with what stands between backticks as code. */
export function Hint({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}
