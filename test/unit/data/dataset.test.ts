import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanDataset, scanUndivided } from '../../../lib/data/index.js';
import type { Dataset, Item } from '../../../lib/data/index.js';
import { DataError, UsageError } from '../../../lib/errors.js';
import { addClass, addImage, rejection, temporaryFolder } from './fixtures.js';

const paths = (items: Item[]) => items.map((item) => item.path).sort();
const counts = (dataset: Dataset, part: Item[]) =>
  dataset.labels.map((_, label) => part.filter((item) => item.label === label).length);

async function fails(directory: string, message: RegExp, split?: number): Promise<void> {
  const error = await rejection(scanDataset(directory, { seed: 1, split }));
  expect(error).toBeInstanceOf(DataError);
  expect(error.message).toMatch(message);
  expect(error.message).toContain(directory);
  expect(error.message).not.toContain('\n');
}

describe('one folder a class', () => {
  it('divides every class in the shares 60, 20, 20 with no image in two parts', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'b', 10);
    await addClass(root, 'a', 20);
    const dataset = await scanDataset(root, { seed: 1 });
    expect(dataset.layout).toBe('folders');
    expect(dataset.labels).toEqual(['a', 'b']);
    expect(counts(dataset, dataset.fit)).toEqual([12, 6]);
    expect(counts(dataset, dataset.tune)).toEqual([4, 2]);
    expect(counts(dataset, dataset.test)).toEqual([4, 2]);
    expect(new Set(paths([...dataset.fit, ...dataset.tune, ...dataset.test])).size).toBe(30);
    for (const { path, label } of dataset.fit) expect(relative(root, path).split('/')[0]).toBe(dataset.labels[label]);
  });

  it('draws the same division for a seed and another for another', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'a', 20);
    await addClass(root, 'b', 20);
    const draw = (seed: number) => scanDataset(root, { seed });
    expect(await draw(5)).toEqual(await draw(5));
    expect(paths((await draw(5)).test)).not.toEqual(paths((await draw(6)).test));
  });

  it('keeps the division of a class when another class is added', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'b', 15);
    await addClass(root, 'c', 15);
    const ofB = (dataset: Dataset) => paths(dataset.test).filter((path) => path.includes('/b/'));
    const before = ofB(await scanDataset(root, { seed: 3 }));
    await addClass(root, 'a', 15);
    expect(ofB(await scanDataset(root, { seed: 3 }))).toEqual(before);
  });

  it('takes images at any depth, by extension in any case, and leaves hidden and other files out', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'a', 3);
    await addClass(root, 'b', 3);
    await addImage(root, 'a', 'deeper', 'X.JPEG');
    await addImage(root, 'a', '.hidden.png');
    await addImage(root, 'a', 'notes.txt');
    await symlink(root, join(root, 'a', 'loop'));
    const dataset = await scanDataset(root, { seed: 1 });
    const all = paths([...dataset.fit, ...dataset.tune, ...dataset.test]);
    expect(all.filter((path) => path.includes('/a/') && !path.includes('loop'))).toHaveLength(4);
    expect(all.every((path) => !/hidden|notes/.test(path))).toBe(true);
  });

  it("takes no image of a class for another's where a link leads to its folder, into it or above it", async () => {
    const root = await temporaryFolder();
    const data = join(root, 'data');
    await addClass(data, 'a', 3);
    await addClass(data, 'b/inner', 3);
    await symlink('..', join(data, 'a', 'up'));
    await symlink('../b', join(data, 'a', 'beside'));
    await symlink('../b/inner', join(data, 'a', 'into'));
    await addImage(root, 'far', '1.png');
    await symlink(data, join(root, 'far', 'back'));
    await symlink('../../far', join(data, 'a', 'far'));
    const { items } = await scanUndivided(data, {});
    const listed = items.map(({ path, label }) => [relative(data, path), label]);
    const [ofA, ofB] = [0, 1].map((label) => listed.filter((item) => item[1] === label).map(([path]) => path));
    expect(ofA).toEqual(['a/0.png', 'a/1.png', 'a/2.png', 'a/far/1.png']);
    expect(ofB).toEqual(['b/inner/0.png', 'b/inner/1.png', 'b/inner/2.png']);
  });

  it('follows a class folder that is a link itself', async () => {
    const root = await temporaryFolder();
    await addClass(join(root, 'store'), 'a', 3);
    await addClass(join(root, 'data'), 'b', 3);
    await symlink('../store/a', join(root, 'data', 'a'));
    await symlink('../../store/a', join(root, 'data', 'b', 'other'));
    const dataset = await scanDataset(join(root, 'data'), { seed: 1 });
    expect(counts(dataset, [...dataset.fit, ...dataset.tune, ...dataset.test])).toEqual([3, 3]);
  });

  it('counts images of formats that are not read, by extension, and no other files', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'a', 3);
    await addClass(root, 'b', 3);
    expect((await scanDataset(root, { seed: 1 })).ignored).toBeNull();
    const names = ['1.gif', '2.GIF', 'x.heic', 'x.txt', 'x.json', 'x.csv', 'x.md', 'Thumbs.db', '.DS_Store', '.x.gif'];
    for (const name of names) await writeFile(join(root, 'a', name), '');
    await addImage(root, 'b', 'deeper', '3.gif');
    expect((await scanDataset(root, { seed: 1 })).ignored).toEqual({ '.gif': 3, '.heic': 1 });
    await mkdir(join(root, 'c'));
    await writeFile(join(root, 'c', '1.gif'), '');
    await fails(root, /c: the class folder holds no image of a format that is read \(1 \.gif\); add \.jpg/);
  });

  it('takes a class called train for a class', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'train', 5);
    await addClass(root, 'bus', 5);
    expect((await scanDataset(root, { seed: 1 })).labels).toEqual(['bus', 'train']);
  });

  it('names what is wrong with a folder that cannot be used', async () => {
    const root = await temporaryFolder();
    await fails(join(root, 'nowhere'), /no such folder/);
    await writeFile(join(root, 'file'), '');
    await fails(join(root, 'file'), /a file, not a folder/);
    await rm(join(root, 'file'));
    await fails(root, /no images/);
    await addClass(root, 'a', 4);
    await fails(root, /one class only \("a"\)/);
    await mkdir(join(root, 'b'));
    await fails(root, /b: the class folder holds no image/);
    await addClass(root, 'b', 2);
    await fails(root, /class "b" has 2 image\(s\), too few/);
  });

  it('says so where images lie beside class folders that are missing', async () => {
    const root = await temporaryFolder();
    await addImage(root, 'x.png');
    await fails(root, /1 image\(s\) but no class folder/);
  });

  it('takes no notice of a default for the official split', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'a', 4);
    await addClass(root, 'b', 4);
    const plain = await scanDataset(root, { seed: 1 });
    expect(await scanDataset(root, { seed: 1, defaultSplit: 3 })).toEqual(plain);
  });

  it('refuses an official split and impossible numbers', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'a', 4);
    await addClass(root, 'b', 4);
    await fails(root, /train2\.txt/, 2);
    const both = await rejection(scanDataset(root, { seed: 1, split: 2, defaultSplit: 3 }));
    expect(both.message).toMatch(/split 2 asks for/);
    expect(await rejection(scanDataset(root, { seed: 1, split: Number.NaN }))).toBeInstanceOf(UsageError);
    const fractions = { fit: 0.9, tune: 0.2, test: 0.2 };
    expect(await rejection(scanDataset(root, { seed: 1, fractions }))).toBeInstanceOf(UsageError);
  });
});

describe('a folder that is not divided', () => {
  const named = ({ items }: Awaited<ReturnType<typeof scanUndivided>>, root: string) =>
    items.map(({ path, label }) => `${label} ${relative(root, path)}`);

  it('may have one class only, and one image in a class', async () => {
    const root = await temporaryFolder();
    await addClass(root, 'a', 1);
    expect(named(await scanUndivided(root, {}), root)).toEqual(['0 a/0.png']);
    await addClass(root, 'b', 2);
    const whole = await scanUndivided(root, {});
    expect(whole.labels).toEqual(['a', 'b']);
    expect(named(whole, root)).toEqual(['0 a/0.png', '1 b/0.png', '1 b/1.png']);
  });

  it('is all parts where it has parts, whichever of them are there', async () => {
    const root = await temporaryFolder();
    for (const part of ['train', 'val']) await addClass(root, join(part, 'a'), 1);
    expect(named(await scanUndivided(root, {}), root)).toEqual(['0 train/a/0.png', '0 val/a/0.png']);
    await addClass(root, 'test/a', 1);
    expect(named(await scanUndivided(root, {}), root)).toHaveLength(3);
  });

  it('still needs an image, and a split that is there', async () => {
    const root = await temporaryFolder();
    await mkdir(join(root, 'a'));
    expect((await rejection(scanUndivided(root, {}))).message).toMatch(/a: the class folder holds no image/);
    expect((await rejection(scanUndivided(root, { split: 2 }))).message).toMatch(/train2\.txt/);
  });
});

describe('train, val and test folders', () => {
  async function parts(...names: string[]): Promise<string> {
    const root = await temporaryFolder();
    for (const name of names) {
      await addClass(root, join(name, 'a'), 8);
      await addClass(root, join(name, 'b'), 8);
    }
    return root;
  }

  it('reads train as fit, val as tune, test as test', async () => {
    const root = await parts('train', 'val', 'test');
    const dataset = await scanDataset(root, { seed: 1 });
    expect(dataset.layout).toBe('splits');
    expect(dataset.labels).toEqual(['a', 'b']);
    const folderOf = (items: Item[]) => [...new Set(items.map(({ path }) => relative(root, path).split('/')[0]))];
    expect([dataset.fit, dataset.tune, dataset.test].map(folderOf)).toEqual([['train'], ['val'], ['test']]);
  });

  it('holds a stratified quarter of train out for tune where val is missing', async () => {
    const dataset = await scanDataset(await parts('train', 'test'), { seed: 1 });
    expect(counts(dataset, dataset.fit)).toEqual([6, 6]);
    expect(counts(dataset, dataset.tune)).toEqual([2, 2]);
    expect(counts(dataset, dataset.test)).toEqual([8, 8]);
  });

  it('takes no image of a part for another, and counts formats that are not read in all of them', async () => {
    const root = await parts('train', 'val', 'test');
    await symlink('../../test/a', join(root, 'train', 'a', 'link'));
    await writeFile(join(root, 'val', 'a', 'x.gif'), '');
    await writeFile(join(root, 'test', 'b', 'y.gif'), '');
    const dataset = await scanDataset(root, { seed: 1 });
    expect(counts(dataset, dataset.fit)).toEqual([8, 8]);
    expect(dataset.ignored).toEqual({ '.gif': 2 });
  });

  it('names a missing test folder and classes that differ between the parts', async () => {
    await fails(await parts('train', 'val'), /no test folder/);
    const more = await parts('train', 'test');
    await addClass(more, 'test/c', 2);
    await fails(more, /test\/c: a class that .*train lacks/);
    const fewer = await parts('train', 'test');
    await rm(join(fewer, 'test', 'b'), { recursive: true });
    await fails(fewer, /test: no folder for class "b"/);
  });
});

describe("DTD's layout", () => {
  async function dtd(lists: Record<string, string[]>): Promise<string> {
    const root = await temporaryFolder();
    await addClass(root, 'images/a', 3);
    await addClass(root, 'images/b', 3);
    await mkdir(join(root, 'labels'));
    for (const [name, lines] of Object.entries(lists)) {
      await writeFile(join(root, 'labels', `${name}.txt`), lines.join('\n') + '\n');
    }
    return root;
  }
  const good = {
    train2: ['a/0.png', 'b/0.png'],
    val2: ['a/1.png', 'b/1.png'],
    test2: ['b/2.png', 'a/2.png'],
  };

  it('reads the lists of the split asked for', async () => {
    const root = await dtd(good);
    const dataset = await scanDataset(root, { seed: 1, split: 2 });
    expect(dataset).toMatchObject({ layout: 'dtd', split: 2, labels: ['a', 'b'] });
    expect(dataset.test).toEqual([
      { path: join(root, 'images/a/2.png'), label: 0 },
      { path: join(root, 'images/b/2.png'), label: 1 },
    ]);
  });

  it('takes the default where no split is asked for, and 1 where there is no default', async () => {
    const root = await dtd(good);
    expect(await scanDataset(root, { seed: 1, defaultSplit: 2 })).toMatchObject({ layout: 'dtd', split: 2 });
    const asked = await rejection(scanDataset(root, { seed: 1, split: 7, defaultSplit: 2 }));
    expect(asked.message).toMatch(/no train7\.txt for split 7/);
    await fails(root, /no train1\.txt for split 1/);
  });

  it('says which splits exist where the one asked for does not', async () => {
    await fails(await dtd(good), /no train7\.txt for split 7; complete splits there: 2/, 7);
  });

  it('names lists that are wrong, with the line or the image', async () => {
    await fails(
      await dtd({ ...good, val2: ['a/1.png', 'b/9.png'] }),
      /names 1 image\(s\) that are missing.*b\/9\.png/,
      2,
    );
    const converted = await dtd({ ...good, val2: ['a/1.png', 'b/9.gif'] });
    await writeFile(join(converted, 'images/b/9.gif'), '');
    await fails(converted, /val2\.txt: names images of formats that are not read \(1 \.gif\); convert/, 2);
    await fails(await dtd({ ...good, val2: ['a/1.png', 'oops'] }), /val2\.txt:2: expected CLASS\/FILE/, 2);
    await fails(await dtd({ ...good, val2: ['a/1.png', '../../x.png'] }), /val2\.txt:2: expected CLASS\/FILE/, 2);
    await fails(await dtd({ ...good, val2: [''] }), /the list is empty/, 2);
    await fails(await dtd({ ...good, val2: ['a/1.png'] }), /no image of class "b"/, 2);
    await fails(
      await dtd({ ...good, test2: ['a/0.png', 'b/2.png'] }),
      /a\/0\.png is listed in .*train2\.txt already/,
      2,
    );
    await fails(await dtd({ ...good, train2: ['a/0.png'] }), /one class only \("a"\)/, 2);
  });

  it('gives the images folder in the layout of one folder a class', async () => {
    const root = await dtd(good);
    expect((await scanDataset(join(root, 'images'), { seed: 1 })).layout).toBe('folders');
  });
});
