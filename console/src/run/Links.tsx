import { ExternalLink } from 'lucide-react';
import type { LinkAddress } from '../api/types';
import { buttonClass } from '../ui/controls';
import css from './Details.module.css';

/** Addresses that the task's `links` made. What is no web address is shown, but leads nowhere. */
export function Links({ links }: { links: readonly LinkAddress[] | undefined }) {
  if (!links?.length) return null;
  return (
    <nav className={css.links} aria-label="Links of this action">
      {links.map(({ name, url }, i) =>
        isWeb(url) ? (
          <a
            key={i}
            className={`${buttonClass} ${css.abort}`}
            href={url}
            title={url}
            target="_blank"
            rel="noopener noreferrer"
          >
            {name} <ExternalLink size={12} aria-label="(opens in a tab of its own)" />
          </a>
        ) : (
          <span key={i} title="Not a web address, so it cannot be opened from here">
            {name}: {url}
          </span>
        ),
      )}
    </nav>
  );
}

function isWeb(url: string): boolean {
  try {
    return /^https?:$/.test(new URL(url).protocol);
  } catch {
    return false;
  }
}
