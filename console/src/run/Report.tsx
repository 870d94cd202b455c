import { ExternalLink, RefreshCw } from 'lucide-react';
import { useEffect, useState } from 'react';
import { reportUrl } from '../api/client';
import type { RunKey } from '../api/types';
import { IconButton } from '../ui/controls';
import css from './Depth.module.css';

/**
 * What a task reported: the user's own HTML, in a frame with an origin of its own. It may run its scripts;
 * it can reach neither this page nor the server nor the network.
 */
export function Report({
  run,
  action,
  attempt,
  live,
}: {
  run: RunKey;
  action: string;
  attempt: number;
  live: boolean;
}) {
  const [version, setVersion] = useState('');
  const url = reportUrl(run, action, attempt);
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(async () => {
      if (document.hidden) return;
      const answer = await fetch(url, { method: 'HEAD' }).catch(() => null);
      const tag = answer?.ok ? answer.headers.get('etag') : null;
      if (tag) setVersion(tag);
    }, 2000);
    return () => clearInterval(timer);
  }, [url, live]);
  return (
    <section className={css.fill} aria-label="Report">
      <div className={css.bar}>
        <span>
          Written by the task{live ? ', renewed while it runs' : ''}. It is kept apart: it cannot see this
          page.
        </span>
        <IconButton label="Load again" onClick={() => setVersion(String(Date.now()))}>
          <RefreshCw size={14} />
        </IconButton>
        <a href={url} target="_blank" rel="noreferrer noopener" aria-label="Open in a tab of its own">
          <ExternalLink size={15} />
        </a>
      </div>
      <iframe
        key={`${url}/${version}`}
        className={css.report}
        title="Report"
        src={url}
        sandbox="allow-scripts allow-popups allow-downloads"
        referrerPolicy="no-referrer"
        data-testid="report"
      />
    </section>
  );
}
