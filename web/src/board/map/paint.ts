/** Draws the day on blank ground: no tiles, no fonts, no network. */
import type { Dot, Features } from './features.ts';
import { scaleBar, toScreen, type View } from './view.ts';

export interface Colours {
  ground: string;
  ink: string;
  soft: string;
  line: string;
  surface: string;
  bad: string;
  warn: string;
  focus: string;
  kinds: (kind: string) => string;
}

const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];

export function paint(
  pen: CanvasRenderingContext2D,
  seen: { features: Features; view: View; chosen: string; colours: Colours },
): void {
  const { features, view, chosen, colours } = seen;
  const { clientWidth: width, clientHeight: height } = pen.canvas;
  const at = (place: { latitude: number; longitude: number }) => toScreen(view, place, width, height);
  pen.fillStyle = colours.ground;
  pen.fillRect(0, 0, width, height);
  graticule(pen, seen, width, height);
  pen.lineJoin = 'round';
  for (const line of features.lines) {
    const mine = chosen === line.technician;
    pen.globalAlpha = chosen === '' ? 0.5 : mine ? 1 : 0.12;
    pen.strokeStyle = `hsl(${line.hue} 60% 45%)`;
    pen.lineWidth = mine ? 3 : 1.5;
    pen.beginPath();
    line.places.forEach((place, n) => (n === 0 ? pen.moveTo(...at(place)) : pen.lineTo(...at(place))));
    pen.stroke();
  }
  pen.globalAlpha = 1;
  for (const dot of features.dots) drawDot(pen, dot, at(dot), colours);
  pen.textAlign = 'center';
  const taken: Box[] = [];
  pen.font = '11px system-ui, "Noto Sans CJK SC", sans-serif';
  for (const home of features.homes.slice(0, 60)) drawHome(pen, home.text, { at: at(home), colours, taken });
  pen.font = '600 12px system-ui, "Noto Sans CJK SC", sans-serif';
  for (const grid of features.grids) {
    if (free(pen, grid.text, { at: at(grid), taken })) written(pen, grid.text, at(grid), colours.soft, colours);
  }
  drawScale(pen, view, height, colours);
}

function graticule(
  pen: CanvasRenderingContext2D,
  { view, colours }: { view: View; colours: Colours },
  width: number,
  height: number,
): void {
  const step = (STEPS.findLast((each) => (each / 360) * view.size >= 90) ?? 45) / 360;
  pen.strokeStyle = colours.line;
  pen.globalAlpha = 0.6;
  pen.lineWidth = 1;
  pen.beginPath();
  const left = view.x - width / 2 / view.size;
  const top = view.y - height / 2 / view.size;
  for (let x = Math.ceil(left / step) * step; (x - left) * view.size < width; x += step) {
    const px = Math.round((x - left) * view.size) + 0.5;
    pen.moveTo(px, 0);
    pen.lineTo(px, height);
  }
  for (let y = Math.ceil(top / step) * step; (y - top) * view.size < height; y += step) {
    const py = Math.round((y - top) * view.size) + 0.5;
    pen.moveTo(0, py);
    pen.lineTo(width, py);
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

function drawDot(
  pen: CanvasRenderingContext2D,
  dot: Dot,
  [x, y]: [number, number],
  colours: Colours,
): void {
  pen.beginPath();
  pen.arc(x, y, dot.role === 'stop' ? 4.5 : 6, 0, 2 * Math.PI);
  // work that nobody has is hollow, so that colour is not the only sign
  pen.fillStyle = dot.role === 'left' ? colours.surface : colours.kinds(dot.kind);
  pen.strokeStyle = dot.role === 'stop' ? colours.surface : dot.role === 'risk' ? colours.bad : colours.warn;
  pen.lineWidth = dot.role === 'stop' ? 1 : 2.5;
  pen.fill();
  pen.stroke();
}

/** Where a name stands already: left, top, right, bottom. */
type Box = [number, number, number, number];

/** Whether a name has room; it then has the place. A closer look shows the names that had none. */
function free(
  pen: CanvasRenderingContext2D,
  text: string,
  { at: [x, y], taken }: { at: [number, number]; taken: Box[] },
): boolean {
  const half = pen.measureText(text).width / 2 + 2;
  const mine: Box = [x - half, y - 12, x + half, y + 3];
  const over = (each: Box) => mine[0] < each[2] && mine[2] > each[0] && mine[1] < each[3] && mine[3] > each[1];
  if (taken.some(over)) return false;
  taken.push(mine);
  return true;
}

function drawHome(
  pen: CanvasRenderingContext2D,
  text: string,
  { at: [x, y], colours, taken }: { at: [number, number]; colours: Colours; taken: Box[] },
): void {
  pen.fillStyle = colours.ink;
  pen.fillRect(x - 4, y - 4, 8, 8);
  if (free(pen, text, { at: [x, y - 9], taken })) written(pen, text, [x, y - 9], colours.ink, colours);
}

function written(
  pen: CanvasRenderingContext2D,
  text: string,
  [x, y]: [number, number],
  colour: string,
  colours: Colours,
): void {
  pen.lineWidth = 3;
  pen.strokeStyle = colours.ground;
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function drawScale(pen: CanvasRenderingContext2D, view: View, height: number, colours: Colours): void {
  const { metres, pixels } = scaleBar(view, 120);
  const text = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(12, height - 20);
  pen.lineTo(12, height - 14);
  pen.lineTo(12 + pixels, height - 14);
  pen.lineTo(12 + pixels, height - 20);
  pen.stroke();
  pen.textAlign = 'left';
  written(pen, text, [16, height - 20], colours.ink, colours);
}
