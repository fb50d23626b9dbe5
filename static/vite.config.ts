import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

/* Where `npm run dev` finds a running server, for work on the page alone. */
const server = process.env['EVENTLEDGER_SERVER'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  build: {
    /* The first browsers with light-dark(), which all colours use. */
    target: ['chrome123', 'firefox120', 'safari17.5'],
    /* The content security policy allows no data: URL and no inline script. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '/api': server, '/sse': server },
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/testing/setup.ts'],
  },
});
