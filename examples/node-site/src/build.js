// Turns every Markdown file of one directory into a page in another: node build.js FROM TO
const fs = require('node:fs');
const path = require('node:path');
const { page } = require('./page');

const [from, to] = process.argv.slice(2);
fs.mkdirSync(to, { recursive: true });
const names = fs.readdirSync(from).filter((name) => name.endsWith('.md')).sort();
for (const name of names) {
  const { title, html } = page(fs.readFileSync(path.join(from, name), 'utf8'));
  fs.writeFileSync(path.join(to, name.replace(/\.md$/, '.html')), html);
  console.log(`${name}: ${title}`);
}
fs.copyFileSync(path.join(from, 'style.css'), path.join(to, 'style.css'));
