// What the cases stand on: programs that end with the run, nginx, psql, wrk.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { promisify } from 'node:util';

const executed = promisify(execFile);
const patience = 20_000; // milliseconds for anything that is started here

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks again and again until the answer is true, or throws. */
export async function until(question, what, milliseconds = patience) {
  for (const deadline = Date.now() + milliseconds; !(await question()); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
  }
}

export const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

/** The number that the given part (0 to 1) of all do not exceed. */
export const quantile = (numbers, part) => sorted(numbers)[Math.max(0, Math.ceil(part * numbers.length) - 1)];

export const median = (numbers) => {
  const list = sorted(numbers);
  const middle = Math.floor(list.length / 2);
  return list.length % 2 === 1 ? list[middle] : (list[middle - 1] + list[middle]) / 2;
};

/** Milliseconds that the work takes. */
export async function time(work) {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

/** What a program prints; throws with what it says on stderr when it fails. */
export async function output(command, parameters, options = {}) {
  try {
    return (await executed(command, parameters, { maxBuffer: 64 << 20, ...options })).stdout;
  } catch (error) {
    throw new Error(`${command} failed: ${String(error.stderr || error.message).trim().slice(-2000)}`);
  }
}

const listens = (where) => new Promise((resolve) => {
  const socket = connect(where);
  socket.on('connect', () => resolve(true) || socket.destroy());
  socket.on('error', () => resolve(false));
});

/** Starts a program that runs on; stop() ends it.  What it says on stderr is shown when it ends by itself. */
export function start(command, parameters, options = {}) {
  const child = spawn(command, parameters, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  const ended = once(child, 'exit');
  let said = '';
  let failure = null;
  child.stderr?.on('data', (data) => {
    said = (said + data).slice(-4000);
  });
  child.on('error', (error) => {
    failure = error;
  });
  ended.then(([code, signal]) => {
    failure ??= new Error(`${command} ended (${signal ?? code}): ${said}`);
  }, () => {});
  return {
    child,
    check() {
      if (failure) throw failure;
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null || failure) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** What every case is given. */
export function machine(settings, log) {
  const { root, work, base, data, sockets, build } = settings;
  const user = process.getuid() === 0 ? 'www-data' : null;
  const psqlOptions = ['--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--set', 'ON_ERROR_STOP=1',
    '--field-separator', '\t', '--host', sockets, '--username', 'postgres'];
  let folders = 0;

  const scratch = (name) => {
    const folder = `${work}/${name}-${++folders}`;
    mkdirSync(folder);
    return folder;
  };

  const bench = {
    root,
    build,
    work,
    base,
    data,
    sockets,
    port: Number(settings.port),
    rounds: Number(settings.rounds),
    seconds: Number(settings.seconds),
    user,
    log,
    scratch,

    /** The rows of a statement run by the database's owner, each an array of strings (null is ""). */
    async psql(statement, database = 'eventledger') {
      const text = await output('psql', [...psqlOptions, '--dbname', database, '--command', statement]);
      return text.split('\n').slice(0, -1).map((line) => line.split('\t'));
    },

    /** Runs a file of SQL. */
    psqlFile: (file, database = 'eventledger', variables = {}) => output('psql', [...psqlOptions, '--dbname', database,
      ...Object.entries(variables).flatMap(([name, value]) => ['--set', `${name}=${value}`]), '--file', file]),

    /** A database of its own in the same PostgreSQL, dropped first if it is there. */
    async newDatabase(name) {
      await bench.psql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, 'postgres');
      await bench.psql(`CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`, 'postgres');
      return { name, drop: () => bench.psql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, 'postgres') };
    },

    /**
     * deploy's own nginx configuration with more upstreams and locations, listening on a port of the run.  The paths
     * in it start at the folder of startNginx.
     */
    nginxConfiguration({ port = bench.port, locations = '', upstreams = '' } = {}) {
      const values = {
        USER: user ? `user ${user};` : '', PID: 'nginx.pid', FILES: '65536', CONNECTIONS: '24576',
        ACCESS_LOG: 'access.log', TEMPORARY: 'temporary', CACHE: 'cache',
        LEDGER_SOCKET: `${data}/run/ledger.sock`, SSE_SOCKET: `${data}/run/sse.sock`,
        IPV4: '127.0.0.1', PORT: String(port), NAMES: 'localhost 127.0.0.1',
        PAGE: `${data}/program/share/eventledger/static`,
      };
      return readFileSync(`${root}/deploy/nginx/nginx.conf.in`, 'utf8')
        .split('\n').filter((line) => !line.includes('@IPV6@')).join('\n')
        .replace(/@([A-Z0-9_]+)@/g, (word, name) => values[name] ?? word)
        .replace(/^\tupstream eventledger_sse/m, `${upstreams}\n$&`)
        .replace('include eventledger/server.conf;', `$&\n${locations}`);
    },

    /**
     * Starts nginx with a whole configuration (user and pid are added where it has none) and gives what stops it.
     * Relative paths start at a new folder, its member "folder"; deploy/nginx lies there as eventledger/.
     */
    async startNginx(configuration) {
      const folder = scratch('nginx');
      let text = configuration;
      if (!/^\s*pid\s/m.test(text)) text = `pid nginx.pid;\n${text}`;
      if (user && !/^\s*user\s/m.test(text)) text = `user ${user};\n${text}`;
      mkdirSync(`${folder}/temporary`);
      symlinkSync(`${root}/deploy/nginx`, `${folder}/eventledger`);
      writeFileSync(`${folder}/nginx.conf`, text);
      const server = start('nginx', ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'],
        { cwd: folder });
      const ports = [...text.matchAll(/^\s*listen\s+(?:127\.0\.0\.1:)?(\d+)/gm)].map((match) => Number(match[1]));
      await until(async () => {
        server.check();
        return (await Promise.all(ports.map((port) => listens({ host: '127.0.0.1', port })))).every(Boolean);
      }, 'nginx listens');
      return Object.assign(() => server.stop('SIGTERM'), { folder, process: server.child });
    },

    /** Starts a program of ours that takes the path of its socket. */
    async startProgram(name) {
      const socket = `${scratch(name)}/socket`;
      const program = start(`${build}/${name}`, [socket]);
      await until(() => {
        program.check();
        return existsSync(socket);
      }, `${name} listens`);
      chmodSync(socket, 0o666);
      return { socket, stop: () => program.stop('SIGKILL') }; // libfcgi takes SIGTERM for itself
    },

    /**
     * Runs wrk with a script of this folder: {"rate" (answers a second), "p50", "p99" (milliseconds), "answers"}.  An
     * answer that is an error, and a connection that fails, is an error of the case.
     */
    async wrk(script, url, { clients, seconds = bench.seconds, threads = 1, parameters = [] }) {
      const text = await output('wrk', [`-t${threads}`, `-c${clients}`, `-d${seconds}s`, '--timeout', '30s',
        '-s', `${script}.lua`, url, '--', ...parameters.map(String)], { cwd: `${root}/tests/bench/wrk` });
      const result = JSON.parse(text.slice(text.lastIndexOf('{"answers"')));
      if (result.errors > 0 || result.answers === 0) {
        throw new Error(`${url}: ${result.errors} of ${result.answers} requests failed`);
      }
      return result;
    },
  };
  return bench;
}
