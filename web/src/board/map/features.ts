/** What the day looks like on a map: stops, routes, work that nobody has, and grids. */
import type { components } from '../../shared/api/types.ts';
import type { Board } from '../day/shapes.ts';
import type { Place } from './view.ts';

type GridCoverage = components['schemas']['GridCoverage'];

export interface Dot extends Place {
  order: string;
  visit: string | null;
  kind: string;
  role: 'stop' | 'left' | 'risk';
  title: string;
}

export interface Line {
  technician: string;
  hue: number;
  places: Place[];
}

export interface Name extends Place {
  text: string;
}

export interface Features {
  dots: Dot[];
  lines: Line[];
  homes: Name[];
  grids: Name[];
}

interface Wish {
  grid: string;
  kind: string;
  risky: ReadonlySet<string>;
}

function placed<T extends { latitude?: number | null; longitude?: number | null }>(
  each: T,
): each is T & Place {
  return typeof each.latitude === 'number' && typeof each.longitude === 'number';
}

export function featuresOf(board: Board, grids: readonly GridCoverage[], wish: Wish): Features {
  const people = board.technicians.filter((each) => wish.grid === '' || each.grids.includes(wish.grid));
  const dots: Dot[] = [];
  const lines: Line[] = [];
  people.forEach((who, n) => {
    const stops = who.stops.filter(placed);
    for (const stop of stops) {
      if (wish.kind !== '' && stop.kind !== wish.kind) continue;
      dots.push({
        latitude: stop.latitude,
        longitude: stop.longitude,
        order: stop.work_order,
        visit: stop.visit,
        kind: stop.kind,
        role: wish.risky.has(stop.work_order) ? 'risk' : 'stop',
        title: `${who.name} ${stop.number}`,
      });
    }
    if (stops.length > 0) {
      const home = placed(who) ? [{ latitude: who.latitude, longitude: who.longitude }] : [];
      // the golden angle keeps neighbours in the list apart in colour
      lines.push({ technician: who.id, hue: (n * 137.5) % 360, places: [...home, ...stops, ...home] });
    }
  });
  for (const left of board.unassigned.filter(placed)) {
    if (wish.kind !== '' && left.kind !== wish.kind) continue;
    if (wish.grid !== '' && left.grid !== wish.grid) continue;
    dots.push({
      latitude: left.latitude,
      longitude: left.longitude,
      order: left.work_order,
      visit: left.visit ?? null,
      kind: left.kind ?? '',
      role: 'left',
      title: left.number ?? '',
    });
  }
  return {
    dots,
    lines,
    homes: people.filter(placed).map(({ name, latitude, longitude }) => ({ text: name, latitude, longitude })),
    grids: grids.filter(placed).map(({ grid, latitude, longitude }) => ({ text: grid, latitude, longitude })),
  };
}
