// Decides how tabs take turns: Web Locks, or a short lease in localStorage where a page comes without HTTPS.

const LEASE_MS = 10_000;
const TURN_MS = 8000;
const SETTLE_MS = 40;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The task gets a signal that ends its requests before the lease is up and another tab takes its turn.
export function exclusively(name, task) {
  const turn = () => task(AbortSignal.timeout(TURN_MS));
  if (navigator.locks) return navigator.locks.request(name, turn);
  return withLease(`${name}.lease`, turn);
}

async function withLease(key, task) {
  const owner = `${Date.now()}.${Math.random()}`;
  while (!(await obtainLease(key, owner))) await pause(SETTLE_MS);
  try {
    return await task();
  } finally {
    if (readLease(key)?.owner === owner) localStorage.removeItem(key);
  }
}

// Two tabs may write at the same moment; after the pause only the last writer still finds its own name.
async function obtainLease(key, owner) {
  const held = readLease(key);
  if (held && held.until > Date.now()) return false;
  localStorage.setItem(key, JSON.stringify({ owner, until: Date.now() + LEASE_MS }));
  await pause(SETTLE_MS);
  return readLease(key)?.owner === owner;
}

function readLease(key) {
  const stored = localStorage.getItem(key);
  return stored ? JSON.parse(stored) : null;
}
