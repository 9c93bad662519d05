import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { RunError } from '../../../lib/errors.js';
import type { Chart } from '../../../lib/report/chart.js';
import { escapeHtml, jsonForScript } from '../../../lib/report/html.js';
import { buildReport } from '../../../lib/report/index.js';
import { config, makeUpRun } from './made-up-run.js';

async function pageOf(directory: string): Promise<string> {
  return readFileSync(await buildReport(directory), 'utf8');
}

function chartsIn(page: string): Chart[] {
  const json = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
  return JSON.parse(json) as Chart[];
}

describe('buildReport', () => {
  it('writes RUN/report.html, or where it is told to', async () => {
    const directory = makeUpRun();
    expect(await buildReport(directory)).toBe(join(directory, 'report.html'));
    const elsewhere = join(directory, 'other.html');
    expect(await buildReport(directory, { out: elsewhere })).toBe(elsewhere);
    expect(existsSync(elsewhere)).toBe(true);
  });

  it('shows result, layers and configuration', async () => {
    const page = await pageOf(makeUpRun());
    expect(page).toContain('73.75%');
    expect(page).toContain('-0.75 points');
    expect(page).toMatch(/<td>conv2\.weight<\/td><td class="number">307,200<\/td>/);
    expect(page).toMatch(/<dt>weightDecay<\/dt><dd>0\.0005<\/dd>/);
    expect(page).not.toContain('not finished');
  });

  it('says where images to test are also among those to fit, and is read from runs that did not look', async () => {
    const repeated = { tune: 1, test: 2, example: { path: 'a<b>.jpg', inFit: 'c.jpg' } };
    expect(await pageOf(makeUpRun({ repeated }))).toContain('2 of 400 images to test and 1 of 400 to tune are also');
    expect(await pageOf(makeUpRun({ repeated }))).toContain('(a&lt;b&gt;.jpg is c.jpg)');
    expect(await pageOf(makeUpRun({ repeated: null }))).not.toContain('are also among');
    expect(await pageOf(makeUpRun())).not.toContain('are also among');
  });

  it('says how many images were left out for their format, and is read from runs that did not look', async () => {
    expect(await pageOf(makeUpRun({ ignored: { '.gif': 6 } }))).toContain('<p>left out 6 .gif: images are read from');
    expect(await pageOf(makeUpRun({ ignored: null }))).not.toContain('left out 6');
    expect(await pageOf(makeUpRun())).not.toContain('left out 6');
  });

  it('plots accuracy and compression over evaluations and rounds, density by layer, and training', async () => {
    const charts = chartsIn(await pageOf(makeUpRun()));
    expect(charts.map(({ title }) => title)).toEqual([
      'Search: accuracy of the candidates',
      'Search: compression of the candidates',
      'Rounds: accuracy and compression',
      'Rounds: share of weights kept, layer by layer',
      'Training: loss',
      'Training: accuracy',
      'Last fine-tuning: accuracy on the tune images',
    ]);
    for (const { x, series } of charts) {
      expect(x.values).toEqual([...x.values].sort((a, b) => a - b));
      for (const { first, values } of series) expect(first + values.length).toBeLessThanOrEqual(x.values.length);
    }
  });

  it('draws each candidate once, in the colour of its round, hollow where it was too inaccurate', async () => {
    const accuracy = chartsIn(await pageOf(makeUpRun({ rounds: 2 }))).at(0);
    const points = accuracy?.series.filter(({ style }) => style.endsWith('points')) ?? [];
    const drawn = points.flatMap(({ values }) => values).filter((value) => value !== null);
    expect(drawn).toHaveLength(32);
    expect(points.map(({ label, style, color }) => [label, style, color])).toContainEqual([
      'round 2',
      'points',
      { category: 1 },
    ]);
    expect(points.some(({ style }) => style === 'hollow points')).toBe(true);
  });

  it('writes down of each round its own candidates only, so that a page grows with them and not with their square', async () => {
    const accuracy = chartsIn(await pageOf(makeUpRun({ rounds: 24, finished: false }))).at(0)!;
    expect(accuracy.x.values).toHaveLength(24 * 16);
    const rounds = accuracy.series.filter(({ label }) => label.startsWith('round'));
    for (const { values } of rounds) expect(values.length).toBeLessThanOrEqual(16);
    const last = accuracy.series.find(({ label }) => label.startsWith('round 24'))!;
    expect(last.first).toBeGreaterThanOrEqual(23 * 16);
    expect(last.values[0]).not.toBeNull();
  });

  it('leaves out losses that are no numbers, and a chart that has nothing else', async () => {
    const directory = makeUpRun();
    const path = join(directory, 'metrics.jsonl');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const spoilt = (line: string): string => JSON.stringify({ ...(JSON.parse(line) as object), loss: NaN });
    writeFileSync(path, `${[spoilt(lines[0]), ...lines.slice(1)].join('\n')}\n`);
    const loss = async (): Promise<Chart | undefined> =>
      chartsIn(await pageOf(directory)).find(({ title }) => title === 'Training: loss');
    const drawn = (await loss())!;
    expect(drawn.series.flatMap(({ values }) => values)).not.toContain(0);
    expect(drawn.left.logarithmic).toBe(true);
    writeFileSync(path, `${lines.map(spoilt).join('\n')}\n`);
    expect(await loss()).toBeUndefined();
  });

  it('speaks of candidates below the accuracy of a round where there is one', async () => {
    const directory = makeUpRun();
    const note = async (): Promise<string> => chartsIn(await pageOf(directory))[0].note;
    expect(await note()).toContain('given up early, an estimate. Hollow: below');
    writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...config, maxDrop: null, lambda: 0.5 }));
    expect(await note()).not.toContain('Hollow');
  });

  it('names the first of very many images left out, and says how many more there are', async () => {
    const directory = makeUpRun();
    const path = join(directory, 'journal.jsonl');
    const skipped = Array.from({ length: 1201 }, (_, index) => ({ path: `${index}.jpg`, reason: 'cut off' }));
    appendFileSync(path, `${JSON.stringify({ event: 'data', labels: ['a'], fit: 1, tune: 1, test: 1, skipped })}\n`);
    const page = await pageOf(directory);
    expect(page.match(/<td>\d+\.jpg<\/td>/g)).toHaveLength(200);
    expect(page).toContain('and 1,001 more, all named in journal.jsonl');
  });

  it.each([
    ['result.json', 'accuracy, parameters, bytes, layers, seconds'],
    ['config.json', 'model, rounds'],
  ])('says what a %s of other make lacks', async (file, fields) => {
    const directory = makeUpRun();
    writeFileSync(join(directory, file), '{}');
    await expect(buildReport(directory)).rejects.toThrow(RunError);
    await expect(buildReport(directory)).rejects.toThrow(`${file} lacks ${fields}`);
  });

  it('tells of an unfinished run what there is', async () => {
    const page = await pageOf(makeUpRun({ rounds: 2, finished: false }));
    expect(page).toContain('not finished: 2 of 6 rounds');
    expect(chartsIn(page).length).toBeGreaterThan(0);
  });

  it('tells of a run that has only begun', async () => {
    const directory = makeUpRun({ rounds: 0, finished: false });
    rmSync(join(directory, 'journal.jsonl'));
    rmSync(join(directory, 'metrics.jsonl'));
    const page = await pageOf(directory);
    expect(page).toContain('not finished: 0 of 6 rounds');
    expect(chartsIn(page)).toEqual([]);
  });

  it('leaves out a torn last line of the journal', async () => {
    const directory = makeUpRun({ rounds: 1, finished: false });
    appendFileSync(join(directory, 'journal.jsonl'), '{"event":"round","round":2,"comm');
    const rounds = chartsIn(await pageOf(directory)).find(({ title }) => title.startsWith('Rounds: accuracy'));
    expect(rounds?.x.values).toEqual([0, 1]);
  });

  it('counts a candidate told twice, by a resumed run, once', async () => {
    const directory = makeUpRun({ rounds: 1, finished: false });
    const line = readFileSync(join(directory, 'journal.jsonl'), 'utf8')
      .split('\n')
      .find((each) => each.includes('"evaluation"'));
    appendFileSync(join(directory, 'journal.jsonl'), `${line ?? ''}\n`);
    expect(chartsIn(await pageOf(directory))[0]?.x.values).toHaveLength(16);
  });

  it('escapes labels, paths and layer names', async () => {
    const evil = '</script><script>alert(1)</script>&"quoted"';
    const page = await pageOf(
      makeUpRun({
        labels: [evil, 'b'],
        layers: [
          [evil, 100],
          ['b', 100],
        ],
      }),
    );
    expect(page).not.toContain('<script>alert');
    expect(page).toContain('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;quoted&quot;');
    expect(chartsIn(page).some(({ series }) => series.some(({ label }) => label === evil))).toBe(true);
  });

  it('asks for nothing from anywhere', async () => {
    const page = await pageOf(makeUpRun());
    expect(page).toContain(`content="default-src 'none'`);
    expect(page).not.toMatch(/\b(src|href)\s*=|@import|url\(/);
    expect(page.match(/https?:\/\/[^\s")]+/g)).toEqual(['https://github.com/leeoniya/uPlot']);
  });

  it('holds scripts that parse', async () => {
    const page = await pageOf(makeUpRun());
    const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match.at(1) ?? '');
    expect(scripts).toHaveLength(2);
    for (const script of scripts) expect(() => new Script(script)).not.toThrow();
  });

  it('names a folder that holds no run', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'finepune-empty-'));
    await expect(buildReport(empty)).rejects.toThrow(RunError);
    await expect(buildReport(empty)).rejects.toThrow(/holds no run/);
  });
});

describe('html', () => {
  it('escapes what could act as markup', () => {
    expect(escapeHtml(`<a b="c" d='e'>&`)).toBe('&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;');
  });

  it('keeps JSON whole while no tag can occur in it', () => {
    const value = { text: '</script><!-- \u2028' };
    expect(jsonForScript(value)).not.toContain('<');
    expect(JSON.parse(jsonForScript(value))).toEqual(value);
  });
});
