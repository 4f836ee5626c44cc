import { expect, test } from 'vitest';
import { Screen } from '../../../src/demo/screen.ts';

const ESC = '\u001b[';

function terminal(rows: number | undefined) {
  const writes: string[] = [];
  return { writes, write: (text: string) => writes.push(text), ...(rows === undefined ? {} : { rows }) };
}

test('the second picture is drawn over the first, each in one write, and the cursor comes back', () => {
  const output = terminal(24);
  const screen = new Screen(output);
  screen.draw(['a', 'b', 'c']);
  screen.draw(['d']);
  screen.end();
  expect(output.writes).toEqual([
    `${ESC}?25l${ESC}2Ka\n${ESC}2Kb\n${ESC}2Kc\n${ESC}J`,
    `${ESC}3A\r${ESC}2Kd\n${ESC}J`,
    `${ESC}?25h`,
  ]);
});

test('a picture is no higher than the terminal, so that it cannot scroll', () => {
  const output = terminal(3);
  new Screen(output).draw(['a', 'b', 'c']);
  expect(output.writes).toEqual([`${ESC}?25l${ESC}2Ka\n${ESC}2Kb\n${ESC}J`]);
});

test('after clearing nothing is drawn over', () => {
  const output = terminal(undefined);
  const screen = new Screen(output);
  screen.draw(['a']);
  screen.clear();
  screen.draw(['b']);
  expect(output.writes.slice(1)).toEqual([`${ESC}2J${ESC}H`, `${ESC}2Kb\n${ESC}J`]);
});

test('what never drew changes nothing', () => {
  const output = terminal(24);
  const screen = new Screen(output);
  screen.clear();
  screen.end();
  expect(output.writes).toEqual([]);
});
