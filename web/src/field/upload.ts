/** A file by tus 1.0: begun, or gone on with where the last cut left it. */
import { Away, Refusal, bearer, request } from './link.ts';
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
    const piece = bytes.slice(offset, offset + PIECE);
    offset = offsetOf(await appended(location, piece, { offset, access }));
  }
}

/** The bytes from an offset on. A piece that arrived twice leaves the server further than we think:
 * then it is asked where it is. */
async function appended(
  location: string,
  piece: ArrayBuffer,
  { offset, access }: { offset: number; access: string },
): Promise<Response> {
  const headers = { ...TUS, ...bearer(access) };
  const type = 'application/offset+octet-stream';
  try {
    return await request(location, {
      method: 'PATCH',
      body: piece,
      headers: { ...headers, 'Upload-Offset': String(offset), 'Content-Type': type },
    });
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'upload_offset') throw error;
    const asked = await request(location, { method: 'HEAD', headers });
    // no further than before: nothing that a repetition at once would mend
    if (offsetOf(asked) <= offset) throw new Away();
    return asked;
  }
}

function offsetOf(reply: Response): number {
  const offset = Number(reply.headers.get('Upload-Offset') ?? Number.NaN);
  if (!Number.isInteger(offset)) throw new Away();
  return offset;
}
