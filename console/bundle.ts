// What makes the bundle checkable: `build.json` holds the digest of everything it was built from.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

const SOURCES = [
  'src',
  'public',
  'fonts',
  'index.html',
  'package.json',
  'package-lock.json',
  'vite.config.ts',
  'bundle.ts',
  'tsconfig.json',
];

function files(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name));
  } catch {
    return [path];
  }
}

/** SHA-256 over every source: relative path, a zero byte, its size, a zero byte, its content; sorted by path. */
export function sourcesDigest(root: string): string {
  const digest = createHash('sha256');
  const listed = SOURCES.flatMap(source => files(join(root, source)))
    .map(path => ({ path, name: relative(root, path).split(sep).join('/') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { path, name } of listed) {
    const data = readFileSync(path);
    digest.update(`${name}\0${data.length}\0`).update(data);
  }
  return digest.digest('hex');
}

export function buildRecord(root: string): Plugin {
  return {
    name: 'godwit-build-record',
    apply: 'build',
    generateBundle() {
      const record = { sources_sha256: sourcesDigest(root) };
      this.emitFile({ type: 'asset', fileName: 'build.json', source: `${JSON.stringify(record)}\n` });
      const licence = readFileSync(join(root, 'fonts/OFL.txt'));
      this.emitFile({ type: 'asset', fileName: 'licenses-fonts.txt', source: licence });
    },
  };
}
