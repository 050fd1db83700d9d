import { expect, test } from '@jest/globals';
import { silentLogger, type Logger } from '../kernel/index.ts';
import { stopStep } from './stop-step.ts';

const listening = (): { readonly logger: Logger; readonly lines: string[] } => {
  const lines: string[] = [];
  return { logger: { ...silentLogger, error: (text: string) => void lines.push(text) }, lines };
};

test('a step that never ends is left undone, so that the process can stop', async () => {
  const { logger, lines } = listening();
  await stopStep(logger, 'recording the stop', () => new Promise(() => undefined), 20);
  expect(lines).toEqual(['recording the stop took longer than 0.02 seconds and is left undone']);
});

test('a step that fails is reported, one that ends says nothing', async () => {
  const { logger, lines } = listening();
  await stopStep(logger, 'closing', () => Promise.reject(new Error('no')));
  await stopStep(logger, 'closing', () => Promise.resolve('late'.length));
  expect(lines).toEqual(['closing failed']);
});
