import { createTheme, type MantineColorsTuple } from '@mantine/core';

const petrol: MantineColorsTuple = [
  '#eef7f8',
  '#d9ecef',
  '#b0d8de',
  '#83c3cd',
  '#5fb1be',
  '#49a6b5',
  '#3b9fb0',
  '#2b8b9a',
  '#1b6f7d',
  '#0d5864',
];

/** The one accent; shade 8 keeps white text on it above 4.5:1. */
export const theme = createTheme({
  primaryColor: 'petrol',
  colors: { petrol },
  primaryShade: 8,
  autoContrast: true,
  fontFamily: 'var(--gh-font)',
  fontFamilyMonospace: 'var(--gh-mono)',
  defaultRadius: 6,
  cursorType: 'pointer',
  respectReducedMotion: true,
});
