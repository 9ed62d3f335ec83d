/** Words of the faces: Chinese first, English second; a word missing in one does not compile. */

export type Language = 'zh-CN' | 'en';
export type Words = Record<string, string>;

const KEY = 'doorstep.language';

function chosen(): Language {
  try {
    return localStorage.getItem(KEY) === 'en' ? 'en' : 'zh-CN';
  } catch {
    return 'zh-CN';
  }
}

type English = () => Promise<unknown>;

class Current {
  language = $state<Language>(chosen());
  #english: English[] = [];

  /** Something that has to be loaded before English is spoken. */
  needs(english: English): void {
    this.#english.push(english);
  }

  /** Returns once the chosen language can be spoken; without its words it is Chinese. */
  async ready(): Promise<void> {
    if (this.language === 'en') await this.#loaded().catch(() => (this.language = 'zh-CN'));
    document.documentElement.lang = this.language;
  }

  async #loaded(): Promise<void> {
    await Promise.all(this.#english.map((load) => load()));
  }

  async speak(language: Language): Promise<void> {
    try {
      if (language === 'en') await this.#loaded();
    } catch {
      return; // its words are out of reach: what is spoken goes on
    }
    this.language = language;
    document.documentElement.lang = language;
    localStorage.setItem(KEY, language);
  }
}

/** The language that is spoken now; reading it in a template makes the template follow. */
export const current = new Current();

/** A dictionary of a face: `say('key', { count: 3 })` fills `{count}`. */
export function dictionary<K extends string>(zh: Record<K, string>, en: Record<K, string>) {
  return (key: K, values: Record<string, string | number> = {}): string => {
    const text = (current.language === 'en' ? en : zh)[key];
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

/** The same, for a face that loads its English only when somebody speaks it. */
export function lateDictionary<K extends string>(zh: Record<K, string>, english: () => Promise<Record<K, string>>) {
  const en = { ...zh };
  current.needs(async () => Object.assign(en, await english()));
  return dictionary(zh, en);
}

/** One of two texts that the server gave in both languages. */
export function either(texts: { zh: string; en: string }): string {
  return current.language === 'en' ? texts.en : texts.zh;
}
