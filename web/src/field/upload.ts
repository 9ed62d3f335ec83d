/** A file by tus 1.0: begun, or gone on with where the last cut left it. */
import { Away, bearer, request } from './link.ts';
import type { Photo } from './store.ts';

const PIECE = 256 * 1024;
const TUS = { 'Tus-Resumable': '1.0.0' };

/** `remember` is told where the upload lives before the first byte leaves. */
export async function upload(
  photo: Photo,
  bytes: ArrayBuffer,
  access: string,
  remember: (location: string) => Promise<void>,
): Promise<void> {
  const pairs = { sha256: photo.sha256, filetype: photo.media_type };
  const begun = await request('/api/v1/attachments', {
    method: 'POST',
    headers: {
      ...TUS,
      ...bearer(access),
      'Upload-Length': String(bytes.byteLength),
      'Upload-Metadata': Object.entries(pairs).map(([k, v]) => `${k} ${btoa(v)}`).join(','),
    },
  });
  const location = begun.headers.get('Location');
  let offset = offsetOf(begun);
  if (location === null) throw new Away();
  if (offset < bytes.byteLength) await remember(location);
  while (offset < bytes.byteLength) {
    const kept = await request(location, {
      method: 'PATCH',
      body: bytes.slice(offset, offset + PIECE),
      headers: {
        ...TUS,
        ...bearer(access),
        'Upload-Offset': String(offset),
        'Content-Type': 'application/offset+octet-stream',
      },
    });
    offset = offsetOf(kept);
  }
}

function offsetOf(reply: Response): number {
  const offset = Number(reply.headers.get('Upload-Offset') ?? Number.NaN);
  if (!Number.isInteger(offset)) throw new Away();
  return offset;
}
