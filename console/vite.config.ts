import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { buildRecord } from './bundle.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  base: './',
  plugins: [buildRecord(root)],
  // What is written for React is drawn by Preact: docs/adr/0010.
  resolve: {
    alias: [
      { find: /^(react(-dom)?|use-sync-external-store\/shim.*)$/, replacement: 'preact/compat' },
      { find: 'react-dom/client', replacement: 'preact/compat/client' },
      { find: /^react\/jsx-(dev-)?runtime$/, replacement: 'preact/jsx-runtime' },
    ],
  },
  build: {
    outDir: process.env.GODWIT_CONSOLE_OUT ?? '../src/flyte_server/console/_dist',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // Libraries mark what is for the browser with `"use client"`: here all of it is.
      onLog: (level, log, warn) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && warn(level, log),
      output: {
        entryFileNames: 'assets/app.js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
        codeSplitting: {
          groups: [{ name: 'vendor', test: /node_modules[\\/](preact|@tanstack|wouter)[\\/]/ }],
        },
      },
    },
  },
  server: { proxy: { '/v2/api': process.env.GODWIT_SERVER ?? 'http://127.0.0.1:4290' } },
  test: { include: ['tests/**/*.test.{ts,tsx}'] },
});
