/** Points whose shifted place is known. The first three are the vectors that eviltransform, the
 * library most map programs take the series from, ships with its own tests. The last two were
 * computed once in Python from its formula with the earth radius of its later versions
 * (6378137 m, ours is 6378245 m, which moves a shift of 500 m by less than a centimetre). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { module } from './ts.mjs';

const { toGcj } = await module('board/map/gcj.ts');

const KNOWN = [
  { place: 'Shanghai', wgs: [121.5272106, 31.1774276], gcj: [121.531541859215, 31.17530398364597] },
  { place: 'Shenzhen', wgs: [113.912316, 22.543847], gcj: [113.9171764808363, 22.540796131694766] },
  { place: 'Beijing', wgs: [116.377817, 39.911954], gcj: [116.38404722455657, 39.91334545536069] },
  { place: 'Chengdu', wgs: [104.0647, 30.6586], gcj: [104.06720550004006, 30.656177243978753] },
  { place: 'Urumqi', wgs: [87.6168, 43.825], gcj: [87.61964996722972, 43.82620575799441] },
];

const RADIANS = Math.PI / 180;
const metres = ([lon, lat], [otherLon, otherLat]) =>
  Math.hypot((lon - otherLon) * Math.cos(lat * RADIANS), lat - otherLat) * 111_320;

for (const { place, wgs, gcj } of KNOWN) {
  test(`${place} is shown within a metre of where base maps draw it`, () => {
    assert.ok(metres(wgs, gcj) > 100, 'the vector itself is shifted');
    assert.ok(metres(toGcj(...wgs), gcj) <= 1, `${metres(toGcj(...wgs), gcj)} m off`);
  });
}

test('a shift goes to the north-east of the heartland by some hundred metres, and smoothly', () => {
  const step = 1e-5; // about a metre
  for (let longitude = 103.2; longitude < 122; longitude += 1.7) {
    for (let latitude = 21.1; latitude < 45; latitude += 1.9) {
      const here = toGcj(longitude, latitude);
      const far = metres(here, [longitude, latitude]);
      assert.ok(far > 50 && far < 1200, `${far} m at ${longitude} ${latitude}`);
      assert.ok(metres(toGcj(longitude + step, latitude), here) < 2, 'neighbours stay neighbours');
    }
  }
});

test('a place outside the frame of the mainland stays where it is', () => {
  for (const abroad of [[0, 0], [-73.9857, 40.7484], [139.6917, 35.6895], [151.2, -33.9], [72, 30], [100, 56]]) {
    assert.deepEqual(toGcj(...abroad), abroad);
  }
});
