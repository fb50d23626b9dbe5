// All tests in one process, so that they share one browser and make one report.

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : ['live', 'rewind', 'access', 'large', 'faults'])
  await import(`./${name}.test.mjs`);
