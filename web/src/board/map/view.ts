/** The Web Mercator plane and a window on it. Pure: values in, values out. */

export interface View {
  /** Middle of the window on the unit square of the projection. */
  x: number;
  y: number;
  /** Pixels across the whole world. */
  size: number;
}

export interface Place {
  latitude: number;
  longitude: number;
}

const EARTH_METRES = 40_075_016.7;

export function project(place: Place): [number, number] {
  const sine = Math.sin((place.latitude * Math.PI) / 180);
  return [
    place.longitude / 360 + 0.5,
    0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI),
  ];
}

/** A window that shows every place with a margin. */
export function fit(places: readonly Place[], width: number, height: number): View {
  if (places.length === 0) return { x: 0.5, y: 0.5, size: Math.max(width, 256) };
  const points = places.map(project);
  const xs = points.map((each) => each[0]);
  const ys = points.map((each) => each[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const margin = 0.86;
  const size = Math.min(
    (width * margin) / Math.max(right - left, 1e-6),
    (height * margin) / Math.max(bottom - top, 1e-6),
  );
  return { x: (left + right) / 2, y: (top + bottom) / 2, size };
}

export function toScreen(view: View, place: Place, width: number, height: number): [number, number] {
  const [x, y] = project(place);
  return [(x - view.x) * view.size + width / 2, (y - view.y) * view.size + height / 2];
}

/** Zooms by a factor and keeps what lies under the pointer where it is. */
export function zoomed(view: View, factor: number, dx: number, dy: number): View {
  const size = Math.min(Math.max(view.size * factor, 2 ** 12), 2 ** 30);
  const change = 1 / view.size - 1 / size;
  return { x: view.x + dx * change, y: view.y + dy * change, size };
}

/** A round length in metres and how many pixels it takes, for the scale. */
export function scaleBar(view: View, most: number): { metres: number; pixels: number } {
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - 2 * view.y)));
  const perPixel = (EARTH_METRES * Math.cos(latitude)) / view.size;
  const power = 10 ** Math.floor(Math.log10(most * perPixel));
  const metres = [5, 2, 1].map((n) => n * power).find((each) => each <= most * perPixel) ?? power;
  return { metres, pixels: metres / perPixel };
}
