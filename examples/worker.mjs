// A worker in Node without a dependency: the JSON form of docs/protocol.md, up to 16 tasks at once.
import { constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";

const WINDOW = 16, LIMIT = 4096;
const { TMAX_PIPES: pipes, TMAX_SPOOL: spool } = process.env;

async function handle(task) { // the work; what it throws is the task's failure
  return task.payload;
}

const open = (name) => openSync(`${pipes}/${name}.pipe`, constants.O_RDWR);
const results = open("results");
const line = (frame) => Buffer.from(JSON.stringify(frame) + "\n");
function send(bytes) { // blocks while the FIFO is full: then no daemon runs, and nothing may be lost
  while (bytes.length) bytes = bytes.subarray(writeSync(results, bytes));
}

const running = new Set(), finished = new Map();
let stopping = false;

async function take(frame) {
  const { id, attempt, timeout } = frame, key = `${id}-${attempt}`;
  const whole = Number.isInteger(id) && Number.isInteger(attempt)
    && typeof (frame.payload ?? frame.payload_file) === "string";
  if (frame.t !== "task" || !whole || stopping) return;
  if (finished.has(key)) return remember(key, finished.get(key)); // a new daemon asks again
  if (running.has(key)) return;
  running.add(key);
  send(line({ t: "started", id, attempt }));
  const answer = line(await outcome(frame, key, timeout));
  running.delete(key);
  remember(key, answer);
  if (stopping && !running.size) process.exit(0);
}

function remember(key, answer) { // and send it; a result that is sent again counts as the latest
  finished.delete(key);
  finished.set(key, answer);
  if (finished.size > 2 * WINDOW) finished.delete(finished.keys().next().value);
  send(answer);
}

async function outcome({ id, attempt, ...frame }, key, timeout) {
  let timer;
  try {
    const payload = frame.payload ?? readFileSync(frame.payload_file, "utf8");
    const late = new Promise((_, reject) => {
      if (timeout) timer = setTimeout(() => reject("timeout"), timeout * 1000);
    });
    const result = String(await Promise.race([handle({ id, attempt, payload }), late]) ?? "");
    const done = { t: "done", id, attempt, result };
    if (line(done).length <= LIMIT) return done;
    const result_file = `${spool}/task-${key}.result`;
    writeFileSync(result_file, result, { mode: 0o600 });
    return { t: "done", id, attempt, result_file };
  } catch (error) {
    const why = error === "timeout" ? error : "failed";
    return { t: "failed", id, attempt, outcome: why, error: String(error?.stack ?? error).slice(0, 600) };
  } finally {
    clearTimeout(timer);
  }
}

function listen(name, use) {
  let rest = "";
  new Socket({ fd: open(name), readable: true, writable: false }).setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const one of lines) {
      let frame = null;
      try { frame = JSON.parse(one); } catch { /* not a frame: skipped */ }
      if (frame !== null && typeof frame === "object") use(frame);
    }
  });
}

const beat = () => send(line({ t: "heartbeat", v: 1, window: WINDOW }));
const stop = () => { stopping = true; if (!running.size) process.exit(0); };
process.on("SIGTERM", stop).on("SIGINT", stop);
send(Buffer.concat([Buffer.from("\n"), line({ t: "ready", v: 1, window: WINDOW })]));
listen("tasks", take);
listen("control", (frame) => { if (frame.t === "ping") beat(); });
setInterval(beat, 10_000);
