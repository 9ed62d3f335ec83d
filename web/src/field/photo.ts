/** Photos shrink on the tablet, get time and place, and are named by the hash of their bytes. */
import { type Place, stamped } from './exif.ts';
import { sha256 } from './keys.ts';
import type { Lane, Taken } from './store.ts';

const SIDE_MAX = 1600;
const THUMB_MAX = 320;
const PLACE_PATIENCE_MS = 4_000;

/** A photo and its small copy. */
export async function shrunk(file: Blob, at: Date, place: Place | null): Promise<[Taken, Taken]> {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  try {
    const original = stamped(await drawn(picture, SIDE_MAX, 0.82), at, place);
    const small = await drawn(picture, THUMB_MAX, 0.7);
    const thumb = await named(small, 'image/jpeg', 'thumbnail', at);
    const whole = await named(original, 'image/jpeg', 'original', at);
    return [{ ...whole, thumb: thumb.sha256 }, thumb];
  } finally {
    picture.close();
  }
}

/** A photo without its small copy, where the whole one is all that is kept. */
export function alone({ thumb: _small, ...whole }: Taken): Taken {
  return whole;
}

export async function named(bytes: ArrayBuffer, media_type: string, lane: Lane, at: Date): Promise<Taken> {
  const size = bytes.byteLength;
  return { sha256: await sha256(bytes), media_type, lane, size, at: at.toISOString(), bytes };
}

async function drawn(picture: ImageBitmap, side: number, quality: number): Promise<ArrayBuffer> {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(picture.width * scale)),
    Math.max(1, Math.round(picture.height * scale)),
  );
  const brush = canvas.getContext('2d');
  if (brush === null) throw new Error('canvas');
  brush.fillStyle = '#fff';
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return (await canvas.convertToBlob({ type: 'image/jpeg', quality })).arrayBuffer();
}

/** Where the tablet is, or null where nobody may or can say; a photo never waits long for it. */
export function whereabouts(): Promise<Place | null> {
  return new Promise((resolve) => {
    if (!('geolocation' in navigator)) return resolve(null);
    const late = setTimeout(() => resolve(null), PLACE_PATIENCE_MS);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        clearTimeout(late);
        resolve({ lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy });
      },
      () => {
        clearTimeout(late);
        resolve(null);
      },
      { enableHighAccuracy: true, timeout: PLACE_PATIENCE_MS, maximumAge: 60_000 },
    );
  });
}
