// What the finished page gets on top of mdBook's. Without this script all of it can be read as well:
// it colours and wraps what is there, and plays the recordings of player.js.
(function () {
  'use strict';

  const PRINT = document.querySelectorAll('main h1').length > 1;
  // On the sheet of an assignment a conversation is a file, and all of its lines count.
  const SHEET = /\/cw\d\d-[^/]*$/.test(window.location.pathname);

  // A conversation: the client's lines in one colour, the server's in another, rules in grey. In a
  // terminal session, what is typed stands out. mdBook has coloured some of these as source code of
  // a shell, which they are not.
  const KINDS = [
    ['client', /^\s*C:( |$)/],
    ['server', /^\s*S:( |$)/],
    ['rule', /^\s*# /],
    ['typed', /^\$ /],
  ];

  function colour(code) {
    // Against which program a conversation is played is for our tests.
    const all = code.textContent.replace(/\n$/, '').split('\n');
    const lines = all.filter((line) => SHEET || !line.startsWith('# against: '));
    code.textContent = '';
    for (const text of lines) {
      const line = document.createElement('span');
      const kind = KINDS.find(([, begins]) => begins.test(text));
      line.className = 'line' + (kind ? ' ' + kind[0] : '');
      line.textContent = text + '\n';
      code.append(line);
    }
    code.classList.add('conversation');
  }

  // To copy a conversation is to want to say it: the button copies the client's lines without
  // `C: `, or, from a terminal session, the commands without `$ `.
  function toSay(code) {
    const lines = Array.from(code.querySelectorAll('.line'), (line) => line.textContent.replace(/\n$/, ''));
    const typed = lines.filter((line) => /^\$ /.test(line)).map((line) => line.slice(2));
    const client = lines.filter((line) => /^\s*C:( |$)/.test(line)).map((line) => line.replace(/^\s*C:( |$)/, ''));
    return (typed.length > 0 ? typed : client).join('\n');
  }

  function copyWhatIsSaid(event) {
    const button = event.target.closest && event.target.closest('.clip-button');
    const code = button && button.closest('pre') && button.closest('pre').querySelector('code.conversation');
    const text = code && toSay(code);
    if (!text || SHEET || !navigator.clipboard) {
      return;
    }
    event.stopImmediatePropagation();
    navigator.clipboard.writeText(text + '\n').then(
      () => button.setAttribute('title', 'Copied what is said, without C: or $'),
      () => button.setAttribute('title', 'This browser does not let a page copy'),
    );
  }

  // The player: a conversation of which there is a recording (player.js) can be stepped through.
  // The lines that are still to come are hidden, and beside them is what the server knows by now.

  const FACTS = [
    ['step', 'The server'],
    ['helo', 'Client’s name'],
    ['user', 'Logged in as'],
    ['from', 'Reverse-path'],
    ['to', 'Forward-paths'],
    ['text', 'Text so far'],
    ['letters', 'Letters in its list'],
    ['files', 'Letters in the mailbox'],
  ];

  const isSaid = (text) => /^[CS]:( |$)/.test(text);

  // A page may show a part of a conversation. Where in which recording are its lines?
  function recordingOf(lines) {
    for (const recording of Object.values(window.RECORDINGS || {})) {
      for (let at = 0; at + lines.length <= recording.length; at += 1) {
        if (lines.every((line, place) => recording[at + place].line === line)) {
          let state = { step: 'has been called' };
          recording.slice(0, at).forEach((before) => {
            state = before.state || state;
          });
          return { lines: recording.slice(at, at + lines.length), state };
        }
      }
    }
    return null;
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className || '';
    made.textContent = text || '';
    return made;
  }

  function button(text, act) {
    const made = element('button', '', text);
    made.type = 'button';
    made.addEventListener('click', act);
    return made;
  }

  // Each octet in a cell: the character, and below it the number.
  function octetsOf(line) {
    const plain = Array.from(new TextEncoder().encode(line.line.slice(3) + '\r\n'));
    const octets = line.octets === undefined ? plain : Array.from(line.octets, (c) => c.charCodeAt(0));
    const length = line.length || octets.length;
    const row = element('ol', 'octets');
    octets.slice(0, 100).forEach((octet) => {
      const cell = element('li');
      const names = { 13: 'CR', 10: 'LF', 32: 'SP' };
      const isPlain = octet > 32 && octet < 127;
      cell.append(element('span', isPlain ? 'octet' : 'octet mark', names[octet] || (isPlain ? String.fromCharCode(octet) : '·')));
      cell.append(element('span', 'number', String(octet)));
      row.append(cell);
    });
    const box = element('div');
    const more = length > 100 ? ', of which the first 100 are here' : '';
    box.append(element('p', '', 'On the wire this line has ' + length + ' octets' + more + ':'), row);
    return box;
  }

  function player(code) {
    const spans = Array.from(code.querySelectorAll('.line'));
    const text = (span) => span.textContent.replace(/\n$/, '');
    const said = spans.filter((span) => isSaid(text(span)));
    const recording = said.length > 1 && recordingOf(said.map(text));
    if (!recording) {
      return;
    }
    const lines = recording.lines;
    let reached = lines.length;
    let isOpen = false;
    let showsOctets = false;

    const box = element('div', 'player');
    box.setAttribute('role', 'group');
    box.setAttribute('aria-label', 'Step through this conversation');
    const begin = button('Step through', () => go(0, true));
    const step = button('Step', () => go(reached + 1));
    const all = button('All', () => go(lines.length));
    const again = button('Again', () => go(0));
    const octets = button('Octets', () => {
      showsOctets = !showsOctets;
      show();
    });
    const close = button('Close', () => {
      isOpen = false;
      reached = lines.length;
      show();
      begin.focus();
    });
    const bar = element('div', 'bar');
    const word = element('p', 'word');
    word.setAttribute('role', 'status');
    const facts = element('dl', 'facts');
    const wire = element('div', 'wire');
    bar.append(begin, step, all, again, octets, close);
    box.append(bar, word, facts, wire);
    code.closest('pre').after(box);

    function go(to, opens) {
      isOpen = true;
      reached = Math.max(0, Math.min(lines.length, to));
      show();
      if (opens) {
        step.focus();
      } else if (reached === lines.length && document.activeElement === step) {
        again.focus();
      }
    }

    // A remark above a line is seen together with it, or, if the server says the line, before it: a
    // reader who is to guess what comes needs the rule.
    function hide() {
      let at = 0;
      spans.forEach((span) => {
        const isLine = isSaid(text(span));
        span.classList.toggle('to-come', isOpen && at >= reached + (isLine ? 0 : 1));
        span.classList.toggle('now', isOpen && isLine && at === reached - 1);
        at += isLine ? 1 : 0;
      });
    }

    function show() {
      hide();
      box.classList.toggle('open', isOpen);
      begin.hidden = isOpen;
      [step, all, again, octets, close, word, facts, wire].forEach((part) => {
        part.hidden = !isOpen;
      });
      if (!isOpen) {
        return;
      }
      step.disabled = reached === lines.length;
      all.disabled = step.disabled;
      octets.setAttribute('aria-pressed', String(showsOctets));
      const now = lines[reached - 1];
      const next = lines[reached];
      word.textContent = '';
      if (now && now.place) {
        const [file, name] = now.place.split(' ');
        const link = (window.PLACES || {})[now.place];
        const code = element('code', '', name + ' in ' + file);
        const place = link ? element('a') : code;
        if (link) {
          place.href = link;
          place.append(code);
        }
        word.append('Answered by ', place, '. ');
      }
      if (next && next.line.startsWith('S: {close}')) {
        word.append(element('strong', '', 'What will the server do now?'));
      } else if (next && next.line.startsWith('S:') && !(now && now.line.startsWith('S:'))) {
        word.append(element('strong', '', 'What will the server say?'));
      } else if (next && next.line.startsWith('S:')) {
        word.append('The server says more.');
      } else if (next) {
        word.append('The client is next.');
      } else {
        word.append('That is all of it.');
      }
      let state = recording.state;
      lines.slice(0, reached).forEach((line) => {
        state = line.state || state;
      });
      facts.textContent = '';
      FACTS.forEach(([key, name]) => {
        const value = state[key];
        if (value !== undefined) {
          const shown = Array.isArray(value) ? value.join(', ') || 'none' : value;
          facts.append(element('dt', '', name), element('dd', '', shown));
        }
      });
      wire.textContent = '';
      if (showsOctets && now && !/\{close\}$/.test(now.line)) {
        wire.append(octetsOf(now));
      }
    }

    box.addEventListener('keydown', (event) => {
      const to = { ArrowRight: reached + 1, ArrowDown: reached + 1, ArrowLeft: reached - 1, ArrowUp: reached - 1, Home: 0, End: lines.length }[event.key];
      if (isOpen && to !== undefined) {
        go(to);
        event.preventDefault();
        event.stopPropagation();
      }
    });
    show();
  }

  // On paper there is no side bar, so the print page begins with a list of what is in it.
  function contents() {
    const main = document.querySelector('main');
    const list = document.createElement('ul');
    for (const title of main.querySelectorAll('h1')) {
      const entry = document.createElement('li');
      const link = document.createElement('a');
      link.href = '#' + title.id;
      link.textContent = title.textContent;
      entry.append(link);
      list.append(entry);
    }
    const nav = document.createElement('nav');
    nav.className = 'contents';
    nav.setAttribute('aria-label', 'Contents');
    nav.append(list);
    main.prepend(nav);
  }

  // On a phone a row is a card without the head of its table, so each cell names its column.
  function label(table) {
    const names = Array.from(table.querySelectorAll('thead th'), (cell) => cell.textContent);
    table.querySelectorAll('tbody tr').forEach((row) => {
      Array.from(row.cells).forEach((cell, at) => {
        cell.dataset.column = at > 0 && cell.textContent.trim() ? names[at] : '';
      });
    });
  }

  function unfold() {
    document.querySelectorAll('details').forEach((details) => {
      details.open = true;
    });
  }

  document.querySelectorAll('code.language-smtp, code.language-pop3, code.language-console').forEach(colour);
  document.querySelectorAll('.table-wrapper table').forEach(label);
  if (!PRINT) {
    document.querySelectorAll('code.language-smtp, code.language-pop3').forEach(player);
  }
  document.addEventListener('click', copyWhatIsSaid, true);
  window.addEventListener('beforeprint', unfold);
  if (PRINT) {
    unfold();
    contents();
  }
})();
