import { describe, expect, test } from '@jest/globals';
import { openNote, parseVerifierKey } from './signed-note.ts';

// The example of https://c2sp.org/signed-note
const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const line =
  '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
const note = `This is an example message.\n\n${line}`;
const invalid = expect.objectContaining({ code: 'ERR_AUDIT_INVALID_NOTE' });

describe('a signed note', () => {
  test('of the specification opens with its key', () => {
    expect(openNote(note, parseVerifierKey(vkey))).toBe('This is an example message.\n');
  });
  test('with an unknown signature beside the known one still opens', () => {
    const other = '— example.com/other AAAAAABBBB==\n';
    expect(openNote(note + other, parseVerifierKey(vkey))).toBe('This is an example message.\n');
  });
  test.each([
    ['a changed text', note.replace('message', 'massage')],
    ['a changed signature', note.replace('Uw2QOkn8', 'Uw2QOkn9')],
    ['a second, wrong signature of the same key', note + line.replace('srV1', 'srV2')],
    ['no signature', 'This is an example message.\n'],
    ['stray bits at the end of the base64', note.replace('neyaQM=', 'neyaQN=')],
    ['a control character', note.replace('This', 'Th\tis')],
    ['a signature of another key only', note.replaceAll('example.com/foo', 'example.com/bar')],
  ])('with %s is refused', (_what, text) => {
    expect(() => openNote(text, parseVerifierKey(vkey))).toThrow(invalid);
  });
  test('verifier keys with a wrong id, type or length are refused', () => {
    expect(() => parseVerifierKey(vkey.replace('530d903a', '530d903b'))).toThrow(invalid);
    expect(() => parseVerifierKey(vkey.replace('+Aeky', '+Beky'))).toThrow(invalid);
    expect(() => parseVerifierKey('example.com/foo+530d903a+AQ==')).toThrow(invalid);
  });
});
