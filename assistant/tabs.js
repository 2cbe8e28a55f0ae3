window.addEventListener('popstate', () => trigger('select', {act: 'tab'}));
document.addEventListener('click', e => {
  document.querySelectorAll('details.x-help[open],details.x-pop[open]:not(.x-inline)').forEach(x => { if (!x.contains(e.target)) x.open = false; });
});
