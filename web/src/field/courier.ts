/** The unsent as a file: for a tablet that broke, or stays without a network. A colleague's tablet
 * brings it in; the work counts as its author's. */
import type { Field } from './app.svelte.ts';
import { type Bundle, base64, bundle, bytesOf } from './keys.ts';
import { said } from './link.ts';
import { BATCH } from './outbox.ts';
import type { Photo } from './store.ts';
import { upload } from './upload.ts';
import type { Outcome } from './wire.ts';

const FORMAT = 'doorstep-unsent-1';

interface Carried {
  format: string;
  bundles: Bundle[];
  operations?: unknown[];
  photos: { sha256: string; media_type: string; bytes: string }[];
}

export async function exported(field: Field) {
  const { store, identity, clock } = field;
  const waiting = field.entries.filter(({ state }) => state === 'waiting').map((e) => e.operation);
  const key = await store.meta('key');
  const bundles: Bundle[] = [];
  for (let from = 0; key !== undefined && identity !== null && from < waiting.length; from += BATCH) {
    const some = waiting.slice(from, from + BATCH);
    bundles.push(await bundle(key, identity.tablet, clock.now().toISOString(), some));
  }
  const photos = await Promise.all(
    field.files.map(async ({ sha256, media_type }) => {
      const bytes = await store.db.get('blobs', sha256);
      return { sha256, media_type, bytes: base64(bytes ?? new ArrayBuffer(0)) };
    }),
  );
  const carried: Carried = { format: FORMAT, bundles, photos };
  // without a key nobody may carry it, but the office can still read it
  if (key === undefined) carried.operations = waiting;
  const file = new Blob([JSON.stringify(carried)], { type: 'application/json' });
  return { file, entries: waiting.length, photos: photos.length, signed: key !== undefined };
}

/** Brings a colleague's file in; how many operations the server took. */
export async function carry(field: Field, text: string): Promise<number> {
  const carried = JSON.parse(text) as Carried;
  if (carried.format !== FORMAT) throw new Error(FORMAT);
  let taken = 0;
  for (const each of carried.bundles) {
    const answer = await field.drain.signed((who) =>
      said<{ outcomes: Outcome[] }>('/api/v1/sync/bundles', each, who.access),
    );
    taken += answer.outcomes.length;
  }
  for (const { sha256, media_type, bytes } of carried.photos) {
    const content = bytesOf(bytes);
    const photo: Photo = {
      sha256, media_type, lane: 'original', size: content.byteLength, at: '', record: '', sent: false,
    }; // prettier-ignore
    await field.drain.signed((who) => upload(photo, content, who.access, async () => {}));
  }
  return taken;
}
