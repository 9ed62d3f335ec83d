/** The written notice as a picture: exactly what the customer saw and signed. */
import { named } from './photo.ts';
import type { Taken } from './store.ts';

export interface NoticeText {
  title: string;
  head: string[];
  body: string;
  lines: { grade: string; what: string; law: string; until: string }[];
  foot: string[];
}

const WIDTH = 1080;
const MARGIN = 72;
const FONT = 'system-ui, "PingFang SC", "Noto Sans CJK SC", sans-serif';

export async function drawn(text: NoticeText, signature: Taken | null, at: Date): Promise<Taken> {
  const rows = laidOut(text);
  const height = rows.reduce((sum, row) => sum + row.size * 1.55, MARGIN * 2) + 320;
  const canvas = new OffscreenCanvas(WIDTH, Math.ceil(height));
  const brush = canvas.getContext('2d');
  if (brush === null) throw new Error('canvas');
  brush.fillStyle = '#fff';
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = '#000';
  let y = MARGIN;
  for (const row of rows) {
    y += row.size * 1.55;
    brush.font = `${row.bold ? 'bold ' : ''}${row.size}px ${FONT}`;
    brush.textAlign = row.middle ? 'center' : 'left';
    brush.fillText(row.text, row.middle ? WIDTH / 2 : MARGIN, y);
  }
  if (signature !== null) {
    const mark = await createImageBitmap(new Blob([signature.bytes]));
    const scale = Math.min(480 / mark.width, 240 / mark.height);
    brush.drawImage(mark, MARGIN, y + 24, mark.width * scale, mark.height * scale);
    mark.close();
  }
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
  return named(await blob.arrayBuffer(), 'image/jpeg', 'signature', at);
}

interface Row {
  text: string;
  size: number;
  bold?: boolean;
  middle?: boolean;
}

function laidOut(text: NoticeText): Row[] {
  const plain = (said: string, size = 34) => wrapped(said, size).map((part) => ({ text: part, size }));
  return [
    { text: text.title, size: 48, bold: true, middle: true },
    { text: '', size: 20 },
    ...text.head.flatMap((each) => plain(each)),
    { text: '', size: 20 },
    ...plain(text.body),
    ...text.lines.flatMap(({ grade, what, law, until }, index) => [
      ...wrapped(`${index + 1}. ${grade}: ${what}`, 34).map((part) => ({ text: part, size: 34, bold: true })),
      ...(law === '' ? [] : plain(law, 30)),
      ...plain(until, 30),
    ]),
    { text: '', size: 20 },
    ...text.foot.flatMap((each) => plain(each)),
  ];
}

/** Lines that fit: Chinese breaks anywhere, English between words. */
function wrapped(said: string, size: number): string[] {
  const most = (WIDTH - MARGIN * 2) / size;
  const wide = (part: string) => [...part].reduce((sum, c) => sum + (c > '\u2e80' ? 1 : 0.55), 0);
  const lines: string[] = [];
  let line = '';
  for (const part of said.match(/[\u2e80-\uffff]|[^\u2e80-\uffff\s]+\s*|\s+/g) ?? []) {
    if (line !== '' && wide(line + part) > most) {
      lines.push(line);
      line = '';
    }
    line += part;
  }
  return line === '' ? lines : [...lines, line];
}
