// Fails when what users download grows past its budget. Minified, not
// compressed: that is what a phone has to parse.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BUDGETS = [
  { name: 'library', folder: 'dist-lib', pattern: /\.js$/, limit: 40_000 },
  { name: 'page', folder: 'dist', pattern: /^(?!docs).*\.(js|css|html)$/, limit: 100_000 },
  { name: "API's page", folder: 'dist', pattern: /^docs.*\.(js|css|html)$/, limit: 2_000_000 },
];

const sizeOf = (folder, pattern) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

let failed = false;
for (const { name, folder, pattern, limit } of BUDGETS) {
  const size = sizeOf(folder, pattern);
  const within = size > 0 && size <= limit;
  failed ||= !within;
  console.log(`${within ? 'ok  ' : 'FAIL'} ${name}: ${size} of ${limit} bytes`);
}
process.exit(failed ? 1 : 0);
