import { fileURLToPath } from 'node:url';
import { lingui } from '@lingui/vite-plugin';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Builds the console into a folder below `console/dist`; assets are named by their hash so that they may be cached for ever. */
const config = defineConfig({
  root: here,
  base: '/',
  plugins: [lingui({ macroTransform: true, cwd: here }), react()],
  build: {
    target: 'es2023',
    sourcemap: false,
    // The policy forbids data: fonts and scripts; keep every asset a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
});

// Vite asks for a default export.
export default config;
