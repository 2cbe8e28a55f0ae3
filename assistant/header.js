element.addEventListener('click', e => {
  const link = e.target.closest('a.lang');
  if (link) link.href = link.href.replace(/next=.*/, 'next=' + encodeURIComponent(location.pathname + location.search));
});
