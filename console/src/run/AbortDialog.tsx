import { useState } from 'react';
import { abort } from '../api/client';
import type { RunKey } from '../api/types';
import { Button, Dialog, Refusal } from '../ui/controls';
import css from './AbortDialog.module.css';

/** Asks before ending a run or an action, and why; says what the command for it is. */
export function AbortDialog({
  run,
  action,
  label,
  open,
  onClose,
}: {
  run: RunKey;
  /** The action to abort; without it, the run. */
  action?: string;
  label: string;
  open: boolean;
  onClose: () => void;
}) {
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const submit = async () => {
    setBusy(true);
    setProblem('');
    try {
      await abort(run, action, reason);
      setReason('');
      onClose();
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const command = action ? `flyte abort action ${run.name} ${action}` : `flyte abort run ${run.name}`;
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={action ? `Abort action ${label}?` : `Abort run ${run.name}?`}
    >
      <form
        className={css.form}
        onSubmit={event => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>
          {action
            ? 'This action and everything below it that has not ended is stopped.'
            : 'Every action that has not ended is stopped. What has ended stays as it is.'}
        </p>
        <label>
          Reason
          <input
            value={reason}
            onChange={event => setReason(event.target.value)}
            placeholder="Optional; shown in the history"
            maxLength={1000}
          />
        </label>
        <p className={css.command}>
          In the terminal: <code>{command}</code>
        </p>
        <Refusal>{problem}</Refusal>
        <div className={css.buttons}>
          <Button onClick={onClose}>Keep it running</Button>
          <Button look="danger" type="submit" disabled={busy}>
            {busy ? 'Aborting…' : 'Abort'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
