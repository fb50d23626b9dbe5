// The containers, as an operator handles them: docker-compose in a copy of the tree, docker beside it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { get } from '../http/client.mjs';

/** The copy of the tree that the images are built from. */
export const source = process.env.EVENTLEDGER_SOURCE;

export const services = ['secrets', 'db', 'migrate', 'ledger', 'sse', 'web'];
export const lasting = ['db', 'ledger', 'sse', 'web'];

/** Runs a program; what it printed.  Rejects with all of that where it fails. */
export async function run(program, parameters, environment = {}) {
	try {
		const { stdout } = await promisify(execFile)(program, parameters, {
			cwd: source, env: { ...process.env, ...environment }, maxBuffer: 64 << 20,
		});
		return stdout;
	} catch (error) {
		const printed = `${error.stdout ?? ''}${error.stderr ?? ''}`;
		throw new Error(`${program} ${parameters.join(' ')}: ${error.code}\n${printed.slice(-4000)}`);
	}
}

export const docker = (...parameters) => run('docker', parameters);
export const compose = (...parameters) => run('docker-compose', parameters);

/** The container of a service, also one that has ended. */
export async function container(service) {
	const ids = (await docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=com.docker.compose.service=${service}`)).split('\n').filter(Boolean);
	assert.equal(ids.length, 1, `one container of ${service}`);
	return ids[0];
}

export async function inspect(service) {
	return JSON.parse(await docker('inspect', await container(service)))[0];
}

/** Runs a line of bash in a container, as the user that runs the program. */
export async function inside(service, line, ...parameters) {
	return docker('exec', await container(service), 'bash', '-c', line, 'bash', ...parameters);
}

/** Sends a signal to every process of that name in a container; their ids. */
export async function signal(service, name, program) {
	const ids = (await inside(service, `
		for process in /proc/[0-9]*; do
			[[ $(<"$process/comm") == "$2" ]] || continue
			kill -"$1" "\${process##*/}" && echo "\${process##*/}"
		done 2>/dev/null`, name, program)).split('\n').filter(Boolean).map(Number);
	assert.notEqual(ids.length, 0, `${program} runs in ${service}`);
	return ids;
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until the answer is true. */
export async function until(question, what, milliseconds = 60_000) {
	const deadline = performance.now() + milliseconds;
	while (!(await question())) {
		assert.ok(performance.now() < deadline, `${what}: not within ${milliseconds} ms`);
		await pause(50);
	}
}

/** The body of a GET, asked for again while the server is away. */
export async function read(path, headers) {
	let answer;
	await until(async () => {
		answer = await get(path, headers).catch((error) => ({ status: 0, text: error.message }));
		return ![0, 503, 504].includes(answer.status);
	}, `an answer to ${path}`);
	assert.equal(answer.status, 200, `GET ${path}: ${answer.text}`);
	return answer.json;
}

/** Waits until every container runs and says that it is healthy. */
export const healthy = () => until(async () => {
	const states = await Promise.all(lasting.map(async (service) => (await inspect(service)).State));
	return states.every((state) => state.Running && state.Health.Status === 'healthy');
}, 'every container is healthy', 120_000);
