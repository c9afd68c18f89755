// Serves a directory on loopback: node serve.js [PORT] [DIRECTORY]; port 0 takes a free one and says which.
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const mime = require('mime');

const port = Number(process.argv[2] ?? 8080);
const root = path.resolve(process.argv[3] ?? 'dist');

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const file = path.join(root, path.normalize(pathname === '/' ? '/index.html' : decodeURIComponent(pathname)));
  fs.readFile(file, (error, content) => {
    if (error) {
      response.writeHead(404).end('not found\n');
    } else {
      response.writeHead(200, { 'content-type': mime.getType(file) ?? 'application/octet-stream' }).end(content);
    }
  });
});
server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
