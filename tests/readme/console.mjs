// Runs the ```console blocks of a Markdown file in one bash, and compares: a line that begins with "$ " is a command,
// those after it are what it prints, and "…" stands for anything within a line.  Prints the Test Anything Protocol.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8').replaceAll(':8080', `:${process.env.EVENTLEDGER_PORT}`);
const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1]);
const steps = blocks.flatMap((block) =>
	block
		.split(/^\$ /m)
		.slice(1)
		.map((step) => {
			const [command, ...expected] = step.replace(/\n$/, '').split('\n');
			return { command, expected: expected.join('\n') };
		}),
);

// One shell for all of them, since they share variables.  A line that nothing prints marks where each command ends.
const mark = `--- end of step ${Math.random()} ---`;
const shell = spawn('bash', [], { stdio: ['pipe', 'pipe', 'inherit'] });
shell.stdin.end(steps.map(({ command }) => `{ ${command}\n} 2>/dev/null\nprintf '%s\\n' '${mark}'\n`).join(''));
let output = '';
for await (const piece of shell.stdout.setEncoding('utf8')) output += piece;
const outputs = output.split(`${mark}\n`);

function escape(literal) {
	return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

// Blanks at the ends of lines are for the eye alone (psql pads its columns, HTTP ends lines with CR).
function tidy(lines) {
	return lines.replaceAll('\r', '').replace(/[ \t]+$/gm, '').replace(/\n+$/, '');
}

// The example that README shows is the one that the unit tests compile and run.
const example = readFileSync(new URL('../unit/event/example_counter.c', import.meta.url), 'utf8');
const shown = text.includes(`\`\`\`c\n${example}\`\`\``);

let failed = shown ? 0 : 1;
steps.forEach(({ command, expected }, index) => {
	const got = tidy(outputs[index] ?? '');
	const pattern = new RegExp(`^${tidy(expected).split('…').map(escape).join('.*')}$`);
	const passed = pattern.test(got);
	if (!passed) failed++;
	console.log(`${passed ? 'ok' : 'not ok'} ${index + 1} - ${command.replaceAll('#', '\\#')}`);
	if (!passed) console.log(`# got:\n${got.replace(/^/gm, '#   ')}\n# expected:\n${expected.replace(/^/gm, '#   ')}`);
});
console.log(`${shown ? 'ok' : 'not ok'} ${steps.length + 1} - the example is the one that is tested`);
console.log(`1..${steps.length + 1}`);
process.exitCode = failed === 0 && steps.length > 0 ? 0 : 1;
