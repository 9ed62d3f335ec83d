/** The key of this install: Ed25519, made here; the private half cannot be read out. A browser
 * without it enrols without a key, and its outbox cannot be carried by another tablet. */
import type { Meta } from './store.ts';
import type { Operation } from './wire.ts';

type Key = Meta['key'];

export async function makeKey(): Promise<Key | null> {
  try {
    const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
    const raw = await crypto.subtle.exportKey('raw', pair.publicKey);
    return { public_key: base64(raw), private_key: pair.privateKey };
  } catch {
    return null;
  }
}

export interface Bundle {
  tablet: string;
  payload: string;
  signature: string;
}

/** What is unsent as a signed file, to be carried by a tablet with a network. */
export async function bundle(
  key: Key,
  tablet: string,
  made_at: string,
  operations: readonly Operation[],
): Promise<Bundle> {
  const payload = new TextEncoder().encode(JSON.stringify({ tablet, made_at, operations }));
  const signature = await crypto.subtle.sign('Ed25519', key.private_key, payload);
  return { tablet, payload: base64(payload), signature: base64(signature) };
}

export function base64(bytes: ArrayBuffer | Uint8Array): string {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  let text = '';
  for (let at = 0; at < view.length; at += 0x8000) {
    text += String.fromCharCode(...view.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

export function bytesOf(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer;
}

export async function sha256(bytes: ArrayBuffer): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...hash].map((each) => each.toString(16).padStart(2, '0')).join('');
}
