import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PHASE_TOKENS } from '../src/model/phases';

type Rgb = [number, number, number];

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');

function theme(name: string): (token: string) => Rgb {
  const block = css.slice(css.indexOf(`[data-theme="${name}"]`));
  return token => {
    const hex = new RegExp(`--${token}: #([0-9a-f]{6});`).exec(block)?.[1];
    if (!hex) throw new Error(`There is no colour --${token} in the ${name} theme.`);
    return [0, 2, 4].map(at => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as Rgb;
  };
}

const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const light = (rgb: Rgb) => {
  const [r, g, b] = rgb.map(linear) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a: Rgb, b: Rgb) => {
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
};
const mix = (a: Rgb, b: Rgb, share: number) =>
  a.map((value, i) => value * share + b[i]! * (1 - share)) as Rgb;

// How colours are seen without one of the cones (Machado and others 2009, severity 1), on linear values.
const SIGHTS: Record<string, number[][]> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'without M cones': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'without L cones': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
};

function oklab(rgb: Rgb, sight: number[][]): Rgb {
  const seen = sight.map(row => row.reduce((sum, factor, i) => sum + factor * linear(rgb[i]!), 0)) as Rgb;
  const cone = (a: number, b: number, c: number) => Math.cbrt(a * seen[0] + b * seen[1] + c * seen[2]);
  const l = cone(0.4122214708, 0.5363325363, 0.0514459929);
  const m = cone(0.2119034982, 0.6806995451, 0.1073969566);
  const s = cone(0.0883024619, 0.2817188376, 0.6299787005);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

describe.each(['light', 'dark'])('the %s theme', name => {
  const colour = theme(name);
  const panel = colour('panel');

  it.each(PHASE_TOKENS.slice(1))('writes %s readably everywhere', token => {
    const text = colour(`ph-${token}`);
    expect(contrast(text, panel), 'on the panel').toBeGreaterThanOrEqual(4.5);
    expect(contrast(text, mix(text, panel, 0.08)), 'in its pill').toBeGreaterThanOrEqual(4.5);
    expect(contrast(text, colour('selected')), 'on a selected row').toBeGreaterThanOrEqual(4.2);
  });

  it.each(['text', 'text-2', 'text-3', 'accent', 'danger'])('writes --%s readably', token => {
    for (const ground of ['panel', 'bg', 'sunken', 'hover']) {
      expect(contrast(colour(token), colour(ground)), ground).toBeGreaterThanOrEqual(4.5);
    }
  });

  it.each(Object.entries(SIGHTS))('tells success from failure with %s', (_, sight) => {
    const [good, bad] = [colour('bar-succeeded'), colour('bar-failed')].map(rgb => oklab(rgb, sight));
    const distance = 100 * Math.hypot(...good!.map((value, i) => value - bad![i]!));
    expect(distance).toBeGreaterThanOrEqual(9);
  });
});
