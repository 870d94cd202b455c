import { Check, Copy, Search } from 'lucide-react';
import {
  type ButtonHTMLAttributes,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  type SyntheticEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import css from './controls.module.css';

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { look?: 'plain' | 'primary' | 'danger' };

export function Button({ look = 'plain', className = '', ...rest }: ButtonProps) {
  return <button type="button" className={`${css.button} ${css[look]} ${className}`} {...rest} />;
}

/** For links that look like buttons. */
export const buttonClass = `${css.button} ${css.plain}`;

export function IconButton({
  label,
  pressed,
  keys,
  children,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { label: string; pressed?: boolean; keys?: string }) {
  return (
    <button
      type="button"
      className={css.icon}
      aria-label={label}
      aria-pressed={pressed}
      title={keys ? `${label} (${keys})` : label}
      {...rest}
    >
      {children}
    </button>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <IconButton
      label={done ? 'Copied' : label}
      onClick={() => navigator.clipboard?.writeText(text).then(() => setDone(true))}
    >
      {done ? <Check size={14} /> : <Copy size={14} />}
    </IconButton>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className={css.kbd}>{children}</kbd>;
}

export function SearchBox({
  value,
  onChange,
  label,
  keys,
  inputRef,
  onKeyDown,
  children,
}: {
  value: string;
  onChange: (value: string) => void;
  label: string;
  keys?: string;
  inputRef?: Ref<HTMLInputElement>;
  onKeyDown?: (event: KeyboardEvent<HTMLInputElement>) => void;
  children?: ReactNode;
}) {
  return (
    <label className={css.search}>
      <Search size={14} aria-hidden="true" />
      <input
        ref={inputRef}
        type="search"
        value={value}
        placeholder={label}
        aria-label={label}
        spellCheck={false}
        autoComplete="off"
        onChange={event => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {children ?? (keys && !value ? <Kbd>{keys}</Kbd> : null)}
    </label>
  );
}

export interface Tab {
  id: string;
  label: string;
  icon?: ReactNode;
  mark?: ReactNode;
}

/** A tab list after the WAI-ARIA pattern: one tab stop, arrows move. The panel is the caller's. */
export function Tabs({
  tabs,
  value,
  onChange,
  label,
  panelId,
}: {
  tabs: Tab[];
  value: string;
  onChange: (id: string) => void;
  label: string;
  panelId: string;
}) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = tabs.findIndex(tab => tab.id === value);
    const next = tabs[(at + step + tabs.length) % tabs.length]!;
    onChange(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className={css.tabs} role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map(tab => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`${panelId}-${tab.id}`}
          data-tab={tab.id}
          aria-selected={tab.id === value}
          aria-controls={panelId}
          tabIndex={tab.id === value ? 0 : -1}
          className={css.tab}
          onClick={() => onChange(tab.id)}
        >
          {tab.icon}
          {tab.label}
          {tab.mark}
        </button>
      ))}
    </div>
  );
}

/**
 * What makes a `<dialog>` modal: the browser's own traps the focus and closes on Escape. Whichever way it
 * closes, it does so at once and takes the focus out of its fields, so that the next key goes to the page.
 */
export function useModal(open: boolean, onClose: () => void) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current!;
    if (open === element.open) return;
    if (open) return element.showModal();
    element.close();
    if (element.contains(document.activeElement)) (document.activeElement as HTMLElement).blur();
  }, [open]);
  return {
    ref: dialog,
    onCancel: (event: SyntheticEvent) => {
      if (event.target !== dialog.current) return;
      event.preventDefault();
      onClose();
    },
    // It is told late: by then it may have been opened again.
    onClose: () => dialog.current?.open || onClose(),
    onKeyDown: (event: KeyboardEvent) => dialog.current?.open && event.stopPropagation(),
  };
}

export function Dialog({
  open,
  onClose,
  title,
  wide = false,
  children,
}: {
  open: boolean;
  onClose: () => void;
  title: string;
  wide?: boolean;
  children: ReactNode;
}) {
  const modal = useModal(open, onClose);
  const heading = useId();
  return (
    <dialog {...modal} className={css.dialog} data-wide={wide} aria-labelledby={heading}>
      {open && (
        <div className={css.dialogBody}>
          <h2 id={heading}>{title}</h2>
          {children}
        </div>
      )}
    </dialog>
  );
}

/** A place where there is nothing to show, and what to do. `page`: it is all there is on the page. */
export function Notice({
  title,
  children,
  tone = 'plain',
  page = false,
}: {
  title: string;
  children?: ReactNode;
  tone?: 'plain' | 'bad';
  page?: boolean;
}) {
  const Heading = page ? 'h1' : 'h2';
  return (
    <div className={css.notice} data-tone={tone} role={tone === 'bad' ? 'alert' : undefined}>
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

export function Command({ children }: { children: string }) {
  return (
    <div className={css.command}>
      <code>{children}</code>
      <CopyButton text={children} label="Copy the command" />
    </div>
  );
}

/** How the same is done in the terminal and in Python. */
export function Same({ command, call }: { command: string; call: string }) {
  return (
    <div className={css.same}>
      <code title={command}>{command}</code>
      <CopyButton text={command} label="Copy the command" />
      <code title={call}>{call}</code>
      <CopyButton text={call} label="Copy the Python call" />
    </div>
  );
}

/** Why what was asked for did not happen; nothing without a reason. */
export function Refusal({ children }: { children: string }) {
  if (!children) return null;
  return (
    <p className={css.refusal} role="alert">
      {children}
    </p>
  );
}
