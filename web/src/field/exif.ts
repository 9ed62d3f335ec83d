/** Time and place into a JPEG, as EXIF: they are part of the bytes whose hash the answer names. */

export interface Place {
  lat: number;
  lon: number;
  accuracy_m: number;
}

type Row = { tag: number; type: 2 | 4 | 5; count: number; bytes: number[] };

/** The JPEG with an EXIF segment right after its first marker. */
export function stamped(jpeg: ArrayBuffer, at: Date, place: Place | null): ArrayBuffer {
  const segment = exif(at, place);
  const given = new Uint8Array(jpeg);
  if (given[0] !== 0xff || given[1] !== 0xd8) return jpeg;
  const made = new Uint8Array(given.length + segment.length);
  made.set(given.subarray(0, 2));
  made.set(segment, 2);
  made.set(given.subarray(2), 2 + segment.length);
  return made.buffer;
}

function exif(at: Date, place: Place | null): Uint8Array {
  const shot = at.toISOString().slice(0, 19).replace('T', ' ').replace(/-/g, ':');
  const detail: Row[] = [text(0x9003, shot), text(0x9011, '+00:00')];
  const gps: Row[] =
    place === null
      ? []
      : [
          text(0x0001, place.lat < 0 ? 'S' : 'N'),
          degrees(0x0002, Math.abs(place.lat)),
          text(0x0003, place.lon < 0 ? 'W' : 'E'),
          degrees(0x0004, Math.abs(place.lon)),
          rationals(0x001f, [[Math.round(place.accuracy_m * 10), 10]]),
        ];
  const pointers = gps.length > 0 ? 2 : 1;
  const detailAt = 8 + 2 + 12 * pointers + 4;
  const detailBytes = directory(detail, detailAt);
  const gpsAt = detailAt + detailBytes.length;
  const main = [long(0x8769, detailAt), ...(pointers === 2 ? [long(0x8825, gpsAt)] : [])];
  const tiff = [
    ...ascii('MM'), ...short(42), ...whole(8), ...directory(main, 8), ...detailBytes,
    ...(pointers === 2 ? directory(gps, gpsAt) : []),
  ]; // prettier-ignore
  const body = [...ascii('Exif'), 0, 0, ...tiff];
  return Uint8Array.from([0xff, 0xe1, ...short(body.length + 2), ...body]);
}

/** Entries, then what is longer than four bytes; `at` is where this directory begins. */
function directory(rows: Row[], at: number): number[] {
  const head = [...short(rows.length)];
  const tail: number[] = [];
  const tailAt = at + 2 + 12 * rows.length + 4;
  for (const row of rows) {
    head.push(...short(row.tag), ...short(row.type), ...whole(row.count));
    if (row.bytes.length <= 4) head.push(...row.bytes, ...Array<number>(4 - row.bytes.length).fill(0));
    else {
      head.push(...whole(tailAt + tail.length));
      tail.push(...row.bytes);
    }
  }
  return [...head, ...whole(0), ...tail];
}

const ascii = (said: string) => [...said].map((each) => each.charCodeAt(0));
const short = (value: number) => [(value >> 8) & 255, value & 255];
const whole = (value: number) => [...short(value >>> 16), ...short(value & 0xffff)];
const long = (tag: number, value: number): Row => ({ tag, type: 4, count: 1, bytes: whole(value) });

function text(tag: number, said: string): Row {
  const bytes = [...ascii(said), 0];
  return { tag, type: 2, count: bytes.length, bytes };
}

function rationals(tag: number, pairs: [number, number][]): Row {
  const bytes = pairs.flatMap(([over, under]) => [...whole(over), ...whole(under)]);
  return { tag, type: 5, count: pairs.length, bytes };
}

function degrees(tag: number, value: number): Row {
  const minutes = (value % 1) * 60;
  const seconds = Math.round((minutes % 1) * 60 * 10_000);
  return rationals(tag, [
    [Math.floor(value), 1],
    [Math.floor(minutes), 1],
    [seconds, 10_000],
  ]);
}
