import type { zh } from './zh.ts';

export const en: Record<keyof typeof zh, string> = {
  product: 'Doorstep',
  sign_in: 'Sign in',
  sign_out: 'Sign out',
  login: 'Login',
  password: 'Password',
  signing_in: 'Signing in…',
  language: 'Language',
  theme: 'Theme',
  theme_light: 'Light',
  theme_dark: 'Dark',
  theme_sunlight: 'Sunlight',
  cancel: 'Cancel',
  close: 'Close',
  save: 'Save',
  retry: 'Try again',
  loading: 'Loading…',
  nothing: 'Nothing here',
};
