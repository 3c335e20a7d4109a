// Watches a job on its admin page: moves the bar, and loads the page again when the job has ended.

const POLL_MILLISECONDS = 1000;
const row = document.getElementById("job-progress");
const bar = document.getElementById("job-progress-bar");
const label = document.getElementById("job-progress-label");

async function look() {
  try {
    const response = await fetch(row.dataset.url, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const job = await response.json();
    if (job.finished) return location.reload();
    bar.max = Math.max(1, job.total);
    bar.value = job.processed;
    label.textContent = job.label;
  } catch (error) {
    label.textContent = `暂时看不到进度（${error.message}），正在重试…`;
  }
  setTimeout(look, POLL_MILLISECONDS);
}

setTimeout(look, POLL_MILLISECONDS);
