// One Markdown text as a page.
const markdown = require('markdown-it')({ linkify: true }).use(require('markdown-it-anchor'));

function page(text) {
  const heading = /^# +(.*)$/m.exec(text);
  const title = heading ? heading[1] : 'Untitled';
  const body = markdown.render(text);
  return {
    title,
    html: `<!doctype html>\n<title>${markdown.utils.escapeHtml(title)}</title>\n<link rel="stylesheet" href="style.css">\n${body}`,
  };
}

module.exports = { page };
