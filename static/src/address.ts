/*
 * What the address of the page says: which ledger, and which version of it.
 */
const LEDGER_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export function isLedgerName(name: string): boolean {
  return LEDGER_NAME.test(name);
}

/** The ledger of a path: "/" is main, "/l/{ledger}" another; null where the path names none. */
export function ledgerOf(path: string): string | null {
  const name = path === '/' ? 'main' : /^\/l\/([^/]+)$/.exec(path)?.[1];
  return name !== undefined && isLedgerName(name) ? name : null;
}

export function pathOf(ledger: string): string {
  return ledger === 'main' ? '/' : `/l/${ledger}`;
}

/** Where a site with accounts asks for name and password; it leads back to the ledger. */
export function signInPath(ledger: string): string {
  return `/sign-in?ledger=${ledger}`;
}

/** "#version=42" asks for the list as it was at version 42. */
export function versionOf(hash: string): number | null {
  const digits = /^#version=(\d{1,15})$/.exec(hash)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function hashOf(version: number): string {
  return `#version=${version}`;
}
