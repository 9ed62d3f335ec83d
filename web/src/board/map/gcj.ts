/** WGS-84 to GCJ-02, the shifted datum that base maps sold in China are drawn in.
 * Only here and only for pictures: everything else stays in WGS-84. The series is the published
 * approximation that every map library uses; `tests/web/gcj.test.mjs` holds known points. */

const A = 6378245;
const EE = 0.006693421622965943;

export function toGcj(longitude: number, latitude: number): [number, number] {
  // beyond the mainland's frame nothing is shifted
  if (longitude < 72.004 || longitude > 137.8347 || latitude < 0.8293 || latitude > 55.8271) {
    return [longitude, latitude];
  }
  const [x, y] = [longitude - 105, latitude - 35];
  const wave = (value: number, period: number) => Math.sin((value * Math.PI) / period);
  const common = ((20 * wave(x, 1 / 6) + 20 * wave(x, 0.5)) * 2) / 3;
  const dLat =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + common +
    ((20 * wave(y, 1) + 40 * wave(y, 3)) * 2) / 3 + ((160 * wave(y, 12) + 320 * wave(y, 30)) * 2) / 3;
  const dLon =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + common +
    ((20 * wave(x, 1) + 40 * wave(x, 3)) * 2) / 3 + ((150 * wave(x, 12) + 300 * wave(x, 30)) * 2) / 3;
  const radians = (latitude * Math.PI) / 180;
  const magic = 1 - EE * Math.sin(radians) ** 2;
  const root = Math.sqrt(magic);
  return [
    longitude + (dLon * 180) / ((A / root) * Math.cos(radians) * Math.PI),
    latitude + (dLat * 180) / (((A * (1 - EE)) / (magic * root)) * Math.PI),
  ];
}
