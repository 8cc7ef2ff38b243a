// Dash draws hosts, modules fill them: <div data-onemap="search" data-options='{…}'> loads ./search.mjs and calls its
// mount(element, options). What mount returns is called when the element has left the page.
// A new module needs no registration: its file name is the name in data-onemap.

const mounted = new Map();
let planned = false;

async function mountOne(element) {
  const name = element.dataset.onemap;
  mounted.set(element, null);
  try {
    const module = await import(`./${name}.mjs`);
    const options = element.dataset.options ? JSON.parse(element.dataset.options) : {};
    const leave = await module.mount(element, options);
    if (element.isConnected) mounted.set(element, typeof leave === 'function' ? leave : null);
    else leave?.();
  } catch (error) {
    console.error(`onemap: ${name} did not start`, error);
    element.textContent = '此部分未能启动，请刷新页面。';
  }
}

function sweep() {
  planned = false;
  for (const [element, leave] of mounted) {
    if (!element.isConnected) {
      mounted.delete(element);
      leave?.();
    }
  }
  for (const element of document.querySelectorAll('[data-onemap]')) {
    if (!mounted.has(element)) mountOne(element);
  }
}

function plan() {
  if (planned) return;
  planned = true;
  queueMicrotask(sweep);
}

export function start() {
  new MutationObserver(plan).observe(document.documentElement, { childList: true, subtree: true });
  plan();
}
