import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { buildRecord } from './bundle.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  base: './',
  plugins: [react(), buildRecord(root)],
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
      output: {
        entryFileNames: 'assets/app.js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
        codeSplitting: {
          groups: [
            { name: 'vendor', test: /node_modules[\\/](react|react-dom|scheduler|@tanstack|wouter)[\\/]/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/v2/api': process.env.GODWIT_SERVER ?? 'http://127.0.0.1:4290' } },
  test: { include: ['tests/**/*.test.{ts,tsx}'] },
});
