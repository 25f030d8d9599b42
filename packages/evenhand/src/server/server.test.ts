import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  createServer,
  openEventStream,
  type Server,
  ServerError,
  type ServerSettings,
  serveFolder,
  serveMemory,
  startServer,
} from './index.js';

const TOKEN = 'the-token';
const AUTHORIZED = { 'x-evenhand-token': TOKEN };

/** A server with a page to read, a page to write, a POST that changes nothing, and a state for everyone. */
function exampleServer(settings: ServerSettings = {}): Server {
  const server = createServer({ token: TOKEN, ...settings });
  const { app } = server;
  app.get('/page', () => 'page');
  app.post('/write', () => 'written');
  app.post('/ask', { config: { access: 'read' } }, () => 'answer');
  app.get('/healthz', { config: { access: 'public' } }, () => 'ok');
  app.get('/fails', () => {
    throw new Error('/secret/path: cannot be read');
  });
  app.get('/events', (_request, reply) => {
    openEventStream(reply).send('count', { n: 1 });
    return reply;
  });
  return server;
}

const statusOf = async (
  server: Server,
  method: 'GET' | 'POST' | 'HEAD' | 'PUT',
  url: string,
  headers: Record<string, string> = {},
): Promise<number> => (await server.app.inject({ method, url, headers })).statusCode;

describe('the Host header', () => {
  test('on loopback is a loopback name or address, with any port, so that no other name can be rebound', async () => {
    const server = exampleServer({ allowedHosts: ['Board.example'] });
    const get = (host: string) => statusOf(server, 'GET', '/page', { host });
    for (const host of [
      'localhost',
      'LOCALHOST:8000',
      'localhost.',
      '127.0.0.1:1',
      '127.1.2.3',
      '[::1]:80',
      'board.example',
    ]) {
      assert.equal(await get(host), 200, host);
    }
    const foreign = [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '192.168.0.7',
      'evil@localhost',
    ];
    for (const host of [...foreign, 'a/localhost']) {
      assert.equal(await get(host), 421, host);
    }
  });

  test('elsewhere is an address, which cannot be rebound, or the name of the machine', async () => {
    const server = exampleServer({ host: '0.0.0.0' });
    const get = (host: string) => statusOf(server, 'GET', '/page', { host, ...AUTHORIZED });
    for (const host of ['192.168.0.7:8000', '[fe80::1]', `${hostname()}:80`]) assert.equal(await get(host), 200, host);
    for (const host of ['evil.example', 'evil.example:80']) assert.equal(await get(host), 421, host);
  });
});

describe('the token', () => {
  test('is needed to write, on loopback too, and only in a header', async () => {
    const server = exampleServer();
    const cookie = await cookieOf(server);
    assert.equal(await statusOf(server, 'POST', '/write'), 401);
    assert.equal(await statusOf(server, 'POST', '/write', { cookie }), 401);
    assert.equal(await statusOf(server, 'POST', `/write?token=${TOKEN}`), 401);
    assert.equal(await statusOf(server, 'POST', '/write', { 'x-evenhand-token': 'other' }), 401);
    assert.equal(await statusOf(server, 'POST', '/write', AUTHORIZED), 200);
    assert.equal(await statusOf(server, 'POST', '/write', { authorization: `Bearer ${TOKEN}` }), 200);
    assert.equal(await statusOf(server, 'PUT', '/nowhere'), 401);
  });

  test('is not needed to read on loopback', async () => {
    const server = exampleServer();
    assert.equal(await statusOf(server, 'GET', '/page'), 200);
    assert.equal(await statusOf(server, 'POST', '/ask'), 200);
  });

  test('is needed to read elsewhere, but not for what is public', async () => {
    const server = exampleServer({ host: '0.0.0.0' });
    for (const url of ['/page', '/page?token=other', '/nowhere']) {
      assert.equal(await statusOf(server, 'GET', url), 401, url);
    }
    assert.equal(await statusOf(server, 'HEAD', '/page'), 401);
    assert.equal(await statusOf(server, 'POST', '/ask'), 401);
    assert.equal(await statusOf(server, 'GET', '/healthz'), 200);
    assert.equal(await statusOf(server, 'GET', '/page', AUTHORIZED), 200);
    assert.equal(await statusOf(server, 'GET', `/page?token=${TOKEN}`), 200);
    assert.equal(await statusOf(server, 'GET', '/page', { cookie: `a=b; ${await cookieOf(server)}` }), 200);
  });

  test('in an address that a browser opens becomes a cookie that scripts and other sites cannot use', async () => {
    const server = exampleServer({ host: '0.0.0.0' });
    const headers = { host: '10.0.0.1', accept: 'text/html,*/*' };
    const { body, headers: answer } = await server.app.inject({ url: `/page?a=%22&token=${TOKEN}`, headers });
    assert.match(
      String(answer['set-cookie']),
      new RegExp(`^evenhand-[0-9a-f]{12}=${TOKEN}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    assert.match(body, /content="0;url=\/page\?a=%22"/);
    assert.ok(!body.includes(TOKEN));
    const elsewhere = await server.app.inject({ url: `//evil.example/?token=${TOKEN}`, headers });
    assert.match(elsewhere.body, /content="0;url=\/evil.example\/"/);
  });

  test('is random by default, and its cookie has a name of its own, as cookies are sent to every port', async () => {
    const [a, b] = [createServer(), createServer()];
    assert.match(a.token, /^[\w-]{43}$/);
    assert.notEqual(a.token, b.token);
    assert.notEqual((await cookieOf(a)).split('=')[0], (await cookieOf(b)).split('=')[0]);
  });

  async function cookieOf({ app, token }: Server): Promise<string> {
    const headers = { host: 'localhost', accept: 'text/html' };
    const answer = await app.inject({ url: `/page?token=${token}`, headers });
    return String(answer.headers['set-cookie']).split(';')[0]!;
  }
});

test('refusals are RFC 9457 documents if a server wants that', async () => {
  const { app } = exampleServer({ problems: true });
  const { statusCode, headers, body } = await app.inject('/nowhere');
  assert.deepEqual([statusCode, headers['content-type']], [404, 'application/problem+json; charset=utf-8']);
  const problem = { type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is no such page.' };
  assert.deepEqual(JSON.parse(body), problem);
  assert.equal((await app.inject({ url: '/page', headers: { host: 'evil.example' } })).json().status, 421);
});

test('a write from the page of another site is refused, with the token too', async () => {
  const server = exampleServer();
  const post = (url: string, headers: Record<string, string>) =>
    statusOf(server, 'POST', url, { host: 'localhost:8000', ...AUTHORIZED, ...headers });
  for (const origin of ['http://localhost:8000', 'https://localhost:8000']) {
    assert.equal(await post('/write', { origin, 'sec-fetch-site': 'same-origin' }), 200, origin);
  }
  for (const origin of [
    'http://evil.example',
    'http://localhost:8001',
    'http://localhost',
    'null',
    'file://localhost:8000',
  ]) {
    assert.equal(await post('/write', { origin }), 403, origin);
    assert.equal(await post('/ask', { origin }), 403, origin);
  }
  assert.equal(await post('/write', { 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(await post('/write', { 'sec-fetch-site': 'same-site' }), 403);
});

test('every answer, a refusal too, allows no inline script, no guess of its type and no referrer', async () => {
  const { app } = exampleServer();
  for (const [url, host] of [
    ['/page', 'localhost'],
    ['/nowhere', 'localhost'],
    ['/fails', 'localhost'],
    ['/page', 'evil.example'],
  ]) {
    const { headers } = await app.inject({ url: url!, headers: { host: host! } });
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  }
});

test('a failure inside the server names no file', async () => {
  const { app } = exampleServer();
  const { statusCode, body } = await app.inject('/fails');
  assert.equal(statusCode, 500);
  assert.ok(!body.includes('secret'), body);
});

describe('files', () => {
  const base = mkdtempSync(join(tmpdir(), 'evenhand-server-'));
  after(() => rmSync(base, { recursive: true }));
  const root = join(base, 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(base, 'secret.txt'), 'secret');
  mkdirSync(join(base, 'root-2'));
  writeFileSync(join(base, 'root-2/secret.txt'), 'secret');
  writeFileSync(join(root, 'index.html'), '<p>index');
  writeFileSync(join(root, 'sub/ä b.txt'), 'text');
  writeFileSync(join(root, 'empty.js'), '');
  symlinkSync('../secret.txt', join(root, 'link.txt'));
  symlinkSync('..', join(root, 'up'));
  symlinkSync('sub/ä b.txt', join(root, 'inside.txt'));
  if (process.platform !== 'win32') execFileSync('mkfifo', [join(root, 'pipe')]);
  const { app } = createServer();
  serveFolder(app, '/f/', root);
  serveMemory(app, { '/main.js': { type: 'text/javascript; charset=utf-8', body: 'let ä' } });

  test('of a folder are served with their types', async () => {
    const index = await app.inject('/f/');
    assert.deepEqual([index.body, index.headers['content-type']], ['<p>index', 'text/html; charset=utf-8']);
    assert.equal((await app.inject('/f/sub/%C3%A4%20b.txt')).body, 'text');
    assert.equal((await app.inject('/f/inside.txt')).body, 'text');
    const empty = await app.inject('/f/empty.js');
    assert.deepEqual([empty.statusCode, empty.body], [200, '']);
  });

  test('outside of the folder are not found, however they are named', async () => {
    const outside = [
      '../secret.txt',
      '..%2fsecret.txt',
      '%2e%2e/secret.txt',
      'sub/../../secret.txt',
      '..%5csecret.txt',
    ];
    const absolute = [
      encodeURIComponent(join(base, 'secret.txt')),
      `/${join(base, 'secret.txt')}`,
      '..%2froot-2%2fsecret.txt',
    ];
    const links = ['link.txt', 'up/secret.txt', 'up%2froot-2%2fsecret.txt'];
    for (const path of [...outside, ...absolute, ...links, 'sub', 'none', 'pipe', 'index.html%00.txt', '%']) {
      const { statusCode, body } = await app.inject(`/f/${path}`);
      assert.ok(statusCode === 404 || statusCode === 400, `${path}: ${statusCode}`);
      assert.ok(!body.includes('secret') && !body.includes(base), `${path}: ${body}`);
    }
  });

  test('from memory are served at their paths alone', async () => {
    const { body, headers } = await app.inject('/main.js');
    assert.deepEqual([body, headers['content-type']], ['let ä', 'text/javascript; charset=utf-8']);
    assert.equal((await app.inject('/main.js/')).statusCode, 404);
  });
});

describe('start and stop', () => {
  test('uses a free port if the wanted one is taken, or says so', async () => {
    const other = createNetServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    try {
      await assert.rejects(startServer(exampleServer(), { port }), (error: unknown) => {
        assert.ok(error instanceof ServerError);
        assert.equal(
          error.message,
          `127.0.0.1:${port}: another program uses this port; choose another with --port, or --port 0 for a free one`,
        );
        return true;
      });
      const running = await startServer(exampleServer(), { port, orFreePort: true });
      assert.notEqual(running.port, port);
      assert.equal(running.url, `http://127.0.0.1:${running.port}/`);
      assert.equal(await (await fetch(`${running.url}page`)).text(), 'page');
      running.stop();
      await running.stopped;
    } finally {
      other.close();
    }
  });

  test('names an address that is not of this machine', async () => {
    const server = exampleServer({ host: '192.0.2.1' });
    await assert.rejects(
      startServer(server, { port: 0 }),
      /^ServerError: 192\.0\.2\.1:0: this machine has no such address; use 127\.0\.0\.1/,
    );
  });

  test('prints the token in the address where reading needs it', async () => {
    const running = await startServer(exampleServer({ host: '0.0.0.0' }), { port: 0 });
    assert.equal(running.url, `http://127.0.0.1:${running.port}/?token=${TOKEN}`);
    assert.equal(running.urlElsewhere, `http://${hostname()}:${running.port}/?token=${TOKEN}`);
    running.stop();
    await running.stopped;
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`stops on ${signal}: requests under way are answered, event streams end, the signal is free again`, async () => {
      const server = exampleServer();
      let answer!: (text: string) => void;
      let arrived!: () => void;
      const isUnderWay = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      server.app.get('/slow', () => {
        arrived();
        return new Promise((resolve) => {
          answer = resolve;
        });
      });
      const { url, stopped } = await startServer(server, { port: 0 });
      const events = await fetch(`${url}events`);
      assert.equal(events.headers.get('content-type'), 'text/event-stream; charset=utf-8');
      assert.match(String(events.headers.get('content-security-policy')), /script-src 'self'/);
      const slow = fetch(`${url}slow`);
      await isUnderWay;
      const listeners = process.listenerCount(signal);
      process.emit(signal);
      assert.match(await events.text(), /event: count\ndata: \{"n":1\}\n\n$/);
      answer('late');
      assert.equal(await (await slow).text(), 'late');
      await stopped;
      assert.equal(process.listenerCount(signal), listeners - 1);
      await assert.rejects(fetch(`${url}page`));
    });
  }

  test('ends connections that do not end by themselves when asked again', async () => {
    const server = exampleServer();
    let arrived!: () => void;
    const isUnderWay = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    server.app.get('/never', () => {
      arrived();
      return new Promise(() => {});
    });
    const running = await startServer(server, { port: 0 });
    const never = assert.rejects(fetch(`${running.url}never`));
    await isUnderWay;
    running.stop();
    running.stop();
    await never;
    await running.stopped;
  });
});
