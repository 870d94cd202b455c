import { useState } from 'react';
import { useLocation } from 'wouter';
import { rerun } from '../api/client';
import type { RunKey } from '../api/types';
import { runAddress } from '../app/address';
import { Button, Command, Dialog, Refusal } from '../ui/controls';
import css from './AbortDialog.module.css';

/** A new run that takes over what this one brought to a good end. */
export function RecoverDialog({ run, open, onClose }: { run: RunKey; open: boolean; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const submit = async () => {
    setBusy(true);
    setProblem('');
    try {
      const created = await rerun(run, 'a0', { recover: true });
      onClose();
      navigate(runAddress(created));
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onClose={onClose} title={`Recover run ${run.name}?`}>
      <div className={css.form}>
        <p>
          A new run with the same code and inputs. Actions that succeeded in this run are taken over as they
          are; only the rest runs.
        </p>
        <Command>{`flyte rerun ${run.name} --recover`}</Command>
        <Refusal>{problem}</Refusal>
        <div className={css.buttons}>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" disabled={busy} onClick={() => void submit()}>
            {busy ? 'Starting…' : 'Recover'}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
