const assert = require('node:assert');
const test = require('node:test');
const { page } = require('../src/page');

test('the first heading is the title, and can be linked to', () => {
  const { title, html } = page('# Hello there\n\nText.\n');
  assert.strictEqual(title, 'Hello there');
  assert.match(html, /<h1 id="hello-there"/);
});

test('markup in a title is escaped', () => {
  assert.match(page('# a < b\n').html, /<title>a &lt; b<\/title>/);
});

test('a page without a heading has a title all the same', () => {
  assert.strictEqual(page('text').title, 'Untitled');
});
