// The call page: one document for `/` and `/r/<room>`; the API's page: one for
// `/api/docs`; and `/call.html`, which leads into a call. Everything else is hashed,
// so that the server may let browsers cache `assets/` for ever.
import { defineConfig } from 'vite';

/** The server behind `npm run dev`. */
const SERVER = process.env['CONVOKE_SERVER'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  build: {
    outDir: 'dist',
    target: 'es2022',
    // Files of their own instead of data: URLs, so that a strict
    // Content-Security-Policy needs no exceptions.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: 'index.html', docs: 'docs.html', call: 'call.html' } },
    // Swagger UI is one file of that size, which nobody on a call loads.
    chunkSizeWarningLimit: 2000,
  },
  server: {
    proxy: {
      '/ws': { target: SERVER.replace('http', 'ws'), ws: true },
      '/api': SERVER,
    },
  },
});
