import { describe, expect, it } from 'vitest';
import { hashOf, ledgerOf, pathOf, signInPath, versionOf } from './address';

describe('the address', () => {
  it('names the ledger', () => {
    expect(ledgerOf('/')).toBe('main');
    expect(ledgerOf('/l/groceries')).toBe('groceries');
    for (const path of ['/l/', '/l/Big', '/l/a/b', '/x', '/l/.hidden', `/l/${'a'.repeat(64)}`])
      expect(ledgerOf(path), path).toBeNull();
    expect(pathOf('main')).toBe('/');
    expect(ledgerOf(pathOf('to.do'))).toBe('to.do');
  });

  it('leads to signing in, and back', () => {
    expect(signInPath('to.do')).toBe('/sign-in?ledger=to.do');
  });

  it('names a version', () => {
    expect(versionOf(hashOf(42))).toBe(42);
    for (const hash of ['', '#', '#version=', '#version=-1', '#version=1e3'])
      expect(versionOf(hash), hash).toBeNull();
  });
});
