const words = () => element.querySelector('.x-drop').dataset;
const waiting = [], counts = {all: 0, done: 0, bad: 0};
let running = 0;
const tell = () => {
  element.querySelector('#upload-summary').textContent = words().summary
    .replace('{done}', counts.done).replace('{all}', counts.all).replace('{bad}', counts.bad);
};
const put = name => {
  const line = document.createElement('li'), mark = document.createElement('span'), bar = document.createElement('progress');
  line.append(mark, ' ' + name + ' ', bar);
  bar.setAttribute('aria-label', name); bar.hidden = true;
  element.querySelector('#upload-results').prepend(line);
  return {
    say: (text, kind) => { mark.textContent = text; mark.className = 'x-tag x-up-' + kind; },
    move: (value, max) => { bar.hidden = false; bar.max = max; bar.value = value; },
    end: detail => {
      bar.remove();
      if (!detail) return;
      const more = document.createElement('p');
      more.className = 'x-soft'; more.textContent = detail; line.append(more);
    },
  };
};
const KINDS = {added: 'ok', unchanged: 'ok', quarantined: 'warn', failed: 'bad'};
const shown = (line, result) => {
  line.say(result.label, KINDS[result.state] || 'bad');
  line.end(result.message);
  if (!result.ok) counts.bad += 1;
};
const fail = (line, detail) => { line.say(words().failed, 'bad'); line.end(detail); counts.bad += 1; };
const sendOne = (file, name, line) => new Promise(done => {
  if (file.size > Number(words().limit)) { fail(line, words().large); done(); return; }
  const call = new XMLHttpRequest(), form = new FormData();
  let read = 0, answered = 0;
  const take = () => {
    const text = call.responseText, end = text.lastIndexOf('\n');
    if (end < read) return;
    const lines = text.slice(read, end).split('\n'); read = end + 1;
    for (const raw of lines) {
      if (!raw) continue;
      const told = JSON.parse(raw);
      if (told.of) line.move(told.page, told.of);
      else if (told.detail) { fail(line, told.detail); answered += 1; }
      else if (told.name === name || !answered) { shown(line, told); answered += 1; }
      else { shown(put(told.name), told); answered += 1; }
    }
  };
  const close = () => { if (!answered) fail(line, words().lost); done(); };
  call.upload.onprogress = e => { if (e.lengthComputable) line.move(e.loaded, e.total); };
  call.onprogress = () => { if (call.status === 200) take(); };
  call.onload = () => {
    if (call.status === 200) take();
    else {
      let detail = ''; try { detail = JSON.parse(call.responseText).detail; } catch (error) { /* no JSON */ }
      fail(line, detail); answered += 1;
    }
    close();
  };
  call.onerror = call.onabort = close;
  call.open('POST', words().path);
  call.setRequestHeader('accept', 'application/x-ndjson');
  form.append('files', file, name);
  line.say(words().busy, 'busy');
  call.send(form);
});
const work = async () => {
  running += 1;
  while (waiting.length) {
    const [file, name, line] = waiting.shift();
    await sendOne(file, name, line);
    counts.done += 1; tell();
  }
  running -= 1;
  if (!running) trigger('select', {act: 'uploaded'});
};
const add = files => {
  for (const [file, name] of files) {
    const line = put(name);
    line.say(words().wait, 'busy');
    waiting.push([file, name, line]);
  }
  counts.all += files.length; tell();
  while (running < Math.min(2, waiting.length)) work();
};
const listed = async entry => {
  if (entry.isFile) return new Promise(done => entry.file(file => done([[file, entry.fullPath.slice(1)]]), () => done([])));
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise(done => reader.readEntries(done, () => done([])));
    if (!some.length) return found;
    for (const inner of some) found.push(...await listed(inner));
  }
};
const plain = files => [...files].filter(f => !/^(\.|~\$)/.test(f.name)).map(f => [f, f.webkitRelativePath || f.name]);
element.addEventListener('click', e => { if (e.target.id === 'pick-folder') element.querySelector('#folder').click(); });
element.addEventListener('change', e => {
  if (e.target.id !== 'files' && e.target.id !== 'folder') return;
  const files = plain(e.target.files); e.target.value = ''; add(files);
});
for (const kind of ['dragover', 'dragleave', 'drop']) element.addEventListener(kind, async e => {
  const box = e.target.closest('.x-drop'); if (!box) return;
  e.preventDefault(); box.classList.toggle('x-over', kind === 'dragover');
  if (kind !== 'drop') return;
  const entries = [...e.dataTransfer.items].map(item => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.length) { add(plain(e.dataTransfer.files)); return; }
  const found = [];
  for (const entry of entries) found.push(...await listed(entry));
  add(found.filter(([file]) => !/^(\.|~\$)/.test(file.name)));
});
