// One event to all subscribers of a ledger, through nginx: beside nchan, which publishes from nginx's own memory.
//
// The same nginx serves both, the same program subscribes and posts, and what is posted is the same.  With us a post is
// answered when it is on the disk; with nchan, when it is in memory.

import { gather, memory, renewStreams, streamsProcess } from '../crowd.mjs';
import { median, quantile } from '../machine.mjs';

export const title = 'Fan-out: from a post to the last subscriber';

const module = '/usr/lib/nginx/modules/ngx_nchan_module.so'; // of libnginx-mod-nchan
const body = '{"type":"append","content":"milk # and honey"}';

/** singles and posts: how many in each round. */
const sizes = [
  { count: 100, singles: 100, posts: 500 },
  { count: 1000, singles: 100, posts: 500 },
  { count: 9000, singles: 20, posts: 50 },
];

// nchan keeps as many messages as a ring of ours.
const locations = `
		location /nchan/publish {
			nchan_publisher;
			nchan_channel_id $arg_id;
			nchan_message_buffer_length 1000;
			nchan_message_timeout 10m;
		}
		location /nchan/subscribe {
			nchan_subscriber eventsource;
			nchan_channel_id $arg_id;
			nchan_subscriber_first_message newest;
		}`;

const others = {
  'sse.fcgi': (name) => ({ subscribe: `/sse/ledgers/${name}`, publish: `/api/ledgers/${name}/commands`, dense: true }),
  nchan: (name) => ({ subscribe: `/nchan/subscribe?id=${name}`, publish: `/nchan/publish?id=${name}` }),
};

/** With programs of its own: memory that an earlier crowd took and gave back is not there for the next. */
async function measure(bench, kind, size, name) {
  await renewStreams(bench);
  const stop = await bench.startNginx(`load_module ${module};\n${bench.nginxConfiguration({ locations })}`);
  try {
    return await measureWith(bench, kind, size, stop.process.pid, name);
  } finally {
    await stop();
  }
}

async function measureWith(bench, kind, size, server, name) {
  const before = { nginx: memory(server), streams: memory(streamsProcess(bench.data)) };
  const crowd = await gather(bench, { port: bench.port, count: size.count, body, ...others[kind](name) });
  try {
    const each = (used, unused) => (used - unused) / size.count;
    const result = {
      nginx: each(memory(server), before.nginx),
      streams: each(memory(streamsProcess(bench.data)), before.streams),
      ...(await crowd.tell('single', size.singles)),
    };
    const burst = await crowd.tell('burst', size.posts);
    return { ...result, rate: size.count * size.posts / (burst.last / 1e6) };
  } finally {
    await crowd.leave();
  }
}

export async function run(bench) {
  const rows = [];
  const undelivered = []; // nchan was seen to keep a post to itself: such a round counts for ours alone
  let fresh = 0;

  for (const size of sizes) {
    const values = { p50: {}, p99: {}, rate: {}, memory: {} };
    const add = (kind, series, value) => (values[kind][series] ??= []).push(value);
    const addTimes = (series, times) => {
      add('p50', series, quantile(times, 0.5) / 1000);
      add('p99', series, quantile(times, 0.99) / 1000);
    };
    for (let round = 1; round <= bench.rounds; round++) {
      for (const kind of Object.keys(others)) {
        const result = await measure(bench, kind, size, `fanout${++fresh}`).catch((error) => {
          if (kind === 'sse.fcgi') throw error;
          undelivered.push(`${size.count} subscribers, round ${round}: ${error.message.slice(-120)}`);
          return null;
        });
        if (result === null) continue;
        addTimes(kind, result.last);
        if (kind === 'sse.fcgi') {
          addTimes('sse.fcgi, from the answer on', result.last.map((last, i) => last - result.answered[i]));
          add('memory', 'sse.fcgi', result.streams);
        }
        add('rate', kind, result.rate);
        add('memory', kind === 'nchan' ? 'nginx with nchan' : 'nginx before sse.fcgi', result.nginx);
      }
      bench.log(`${size.count} subscribers, round ${round} of ${bench.rounds}`);
    }
    const label = `${size.count} subscribers`;
    rows.push({ label, unit: 'milliseconds to the last, p50', values: values.p50, better: 'lower' },
      { label, unit: `milliseconds to the last, p99 of ${size.singles}`, values: values.p99, better: 'lower' },
      { label, unit: `deliveries/s, ${size.posts} posts at once`, values: values.rate, better: 'higher' },
      { label, unit: 'KiB each', values: values.memory, better: 'lower' });
  }

  const at = (count, unit, series) => median(
    rows.find((row) => row.label === `${count} subscribers` && row.unit.includes(unit)).values[series]);
  const over = (unit) => at(1000, unit, 'sse.fcgi') / at(1000, unit, 'nchan');
  return {
    unit: 'milliseconds',
    rows,
    ratios: [
      { label: 'one event to the last of 1,000, over nchan', value: over('p50'), want: { atMost: 1.2 } },
      { label: '500 posts to 1,000, deliveries/s over nchan', value: over('deliveries'), want: { atLeast: 5 } },
      { label: 'KiB of sse.fcgi for each of 9,000', value: at(9000, 'KiB', 'sse.fcgi'), want: { atMost: 1 } },
    ],
    notes: [
      'Every subscriber saw every event once and in order; one that did not would have been an error.',
      ...undelivered.map((what) => `nchan did not deliver everything, and is left out: ${what}`),
      'Posts to sse.fcgi are durable when they are answered, those to nchan are in memory.',
    ],
  };
}
