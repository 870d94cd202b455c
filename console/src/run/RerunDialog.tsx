import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { getForm } from '../api/client';
import type { RunKey } from '../api/types';
import { RerunForm } from '../later';
import { Button, Command, Dialog } from '../ui/controls';
import { Problem } from '../ui/Problem';
import css from './RerunDialog.module.css';

/** Asks what is to be different, and runs it again. */
export function RerunDialog({
  run,
  action,
  label,
  open,
  onClose,
}: {
  run: RunKey;
  action: string;
  label: string;
  open: boolean;
  onClose: () => void;
}) {
  const form = useQuery({
    queryKey: ['form', run.project, run.domain, run.name, action],
    queryFn: ({ signal }) => getForm(run, action, signal),
    enabled: open,
    staleTime: Number.POSITIVE_INFINITY,
  });
  // The wish to run is kept while the inputs are still on their way.
  const [atOnce, setAtOnce] = useState(false);
  useEffect(() => {
    setAtOnce(false);
    if (!open) return;
    const listen = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      const button = document.querySelector<HTMLButtonElement>('dialog[open] button[type=submit]');
      if (button) button.click();
      else setAtOnce(true);
    };
    addEventListener('keydown', listen, true);
    return () => removeEventListener('keydown', listen, true);
  }, [open]);
  const title = action === 'a0' ? `Rerun ${label}` : `Run ${label} by itself`;
  return (
    <Dialog open={open} onClose={onClose} title={title} wide>
      {form.error ? (
        <Problem error={form.error} what="the inputs" retry={() => void form.refetch()} />
      ) : form.data?.mode === 'local' ? (
        <div className={css.form}>
          <p>
            This run was driven by a process of its own, so the server does not have its code. Run it again
            where its file is:
          </p>
          <Command>{`flyte rerun ${run.name}${action === 'a0' ? '' : ` --action-name ${action}`}`}</Command>
          <div className={css.buttons}>
            <Button onClick={onClose}>Close</Button>
          </div>
        </div>
      ) : form.data ? (
        <RerunForm
          key={action}
          run={run}
          action={action}
          form={form.data}
          atOnce={atOnce}
          onClose={onClose}
        />
      ) : (
        <p aria-busy="true">{atOnce ? 'It is run as soon as its inputs are here…' : 'Loading the inputs…'}</p>
      )}
    </Dialog>
  );
}
