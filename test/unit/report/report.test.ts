import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { RunError } from '../../../lib/errors.js';
import type { Chart } from '../../../lib/report/chart.js';
import { escapeHtml, jsonForScript } from '../../../lib/report/html.js';
import { buildReport } from '../../../lib/report/index.js';
import { makeUpRun } from './made-up-run.js';

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
      for (const { values } of series) expect(values).toHaveLength(x.values.length);
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
