//! Golden messages: what an operator reads when a configuration is wrong.

use super::errors;

/// A key that is nearly right is refused with the right one, and one that stands elsewhere with its place.
#[test]
fn a_misspelt_key() {
    let shown = errors(
        &"
defaults:
  treshold: {}
  cpu_percent: {warning: 3}
  thresholds: {cpu_percent: {warn: 3}}
wibble: 1
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:3: error: unknown key `treshold`
  2 |   treshold: {}
    |   ^^^^^^^^
  hint: did you mean `thresholds`?
vitals.yaml:3:3: error: unknown key `cpu_percent`
  3 |   cpu_percent: {warning: 3}
    |   ^^^^^^^^^^^
  hint: it belongs under `thresholds`
vitals.yaml:4:30: error: unknown key `warn`
  4 |   thresholds: {cpu_percent: {warn: 3}}
    |                              ^^^^
  hint: did you mean `warning`?
vitals.yaml:5:1: error: unknown key `wibble`
  5 | wibble: 1
    | ^^^^^^
"#);
}

/// Each value is judged on its own, in the order of the file.
#[test]
fn every_error_at_once() {
    let shown = errors(
        &"
version: 2
discover: yes
defaults:
  schedule: {light: 10, session: 5s, llm: soon, discovery: [1s]}
  timeouts: {call: 0s, list: -1s, connect: 1 month}
storage: {bytes_max: 12, raw: 1 min}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:1:10: error: `version` must be 1, not 2
  1 | version: 2
    |          ^
vitals.yaml:2:11: error: `discover` must be `true` or `false`, not `yes`
  2 | discover: yes
    |           ^^^
vitals.yaml:4:21: error: `light` needs a unit
  4 |   schedule: {light: 10, session: 5s, llm: soon, discovery: [1s]}
    |                     ^^
  hint: write `10s` for seconds
vitals.yaml:4:34: error: `session` must be at least 10s, not 5s
  4 |   schedule: {light: 10, session: 5s, llm: soon, discovery: [1s]}
    |                                  ^^
vitals.yaml:4:43: error: `llm` must be a duration, not `soon`
  4 |   schedule: {light: 10, session: 5s, llm: soon, discovery: [1s]}
    |                                           ^^^^
  hint: for example `10s`, `1m 30s` or `14d`
vitals.yaml:4:60: error: `discovery` must be a single value, not a list
  4 |   schedule: {light: 10, session: 5s, llm: soon, discovery: [1s]}
    |                                                            ^
vitals.yaml:5:20: error: `call` must be longer than zero
  5 |   timeouts: {call: 0s, list: -1s, connect: 1 month}
    |                    ^^
  hint: for example `10s`, `1m 30s` or `14d`
vitals.yaml:5:30: error: `list` must be longer than zero
  5 |   timeouts: {call: 0s, list: -1s, connect: 1 month}
    |                              ^^^
  hint: for example `10s`, `1m 30s` or `14d`
vitals.yaml:5:44: error: `connect` must not count in months or years, which have no fixed length
  5 |   timeouts: {call: 0s, list: -1s, connect: 1 month}
    |                                            ^^^^^^^
  hint: count in days, as in `30d`
vitals.yaml:6:22: error: `bytes_max` needs a unit
  6 | storage: {bytes_max: 12, raw: 1 min}
    |                      ^^
  hint: for example `50MB` or `1GiB`
vitals.yaml:6:31: error: `raw` must be at least 1h, not 1m
  6 | storage: {bytes_max: 12, raw: 1 min}
    |                               ^^^^^
"#);
}

#[test]
fn thresholds_in_the_wrong_order() {
    let shown = errors(
        &"
defaults:
  thresholds:
    cpu_percent: {warning: 20}
    clients: {critical: 3}
    disk_free_percent: {warning: 1, critical: 2}
    memory_percent: {warning: 5%, critical: 200}
    log_bytes: {warning: 2GB, critical: 1 GB}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:3:28: error: `cpu_percent` warns at 20, which is above critical (10 by default)
  3 |     cpu_percent: {warning: 20}
    |                            ^^
  hint: a warning comes before critical; set both
vitals.yaml:4:25: error: `clients` warns at 5 by default, which is above critical (3)
  4 |     clients: {critical: 3}
    |                         ^
  hint: a warning comes before critical; set both
vitals.yaml:5:34: error: `disk_free_percent` warns at 1, which is below critical (2)
  5 |     disk_free_percent: {warning: 1, critical: 2}
    |                                  ^
  hint: a warning comes before critical; set both
vitals.yaml:6:31: error: `warning` must be a number, not `5%`
  6 |     memory_percent: {warning: 5%, critical: 200}
    |                               ^^
  hint: write it without the `%`
vitals.yaml:6:45: error: `critical` must be at most 100, not 200
  6 |     memory_percent: {warning: 5%, critical: 200}
    |                                             ^^^
vitals.yaml:7:26: error: `log_bytes` warns at 2GB, which is above critical (1GB)
  7 |     log_bytes: {warning: 2GB, critical: 1 GB}
    |                          ^^^
  hint: a warning comes before critical; set both
"#);
}

#[test]
fn addresses() {
    let shown = errors(
        &"
targets:
- name: a
  hub: ftp://x
- name: b
  hub: http://user:pw@127.0.0.1:7001
- name: c
  hub: localhost:7001
- name: d
  hub: http://127.0.0.1:7001
  mcp: http://127.0.0.1:7001/mcp
- name: e
- name: f
  stdio: node x | tee
- name: g
  stdio: []
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:3:8: error: `hub` must begin with `http://` or `https://`, not `ftp://`
  3 |   hub: ftp://x
    |        ^^^^^^^
vitals.yaml:5:8: error: `hub` must not hold credentials
  5 |   hub: ***
    |        ^^^
  hint: put them in `headers`, as in `Authorization: env:NAME`
vitals.yaml:7:8: error: `hub` must be a URL, not `localhost:7001`
  7 |   hub: localhost:7001
    |        ^^^^^^^^^^^^^^
  hint: write `http://` or `https://` before it
vitals.yaml:10:3: error: a target has only one of `hub`, `mcp` and `stdio`, and this one has `hub` already
  10 |   mcp: http://127.0.0.1:7001/mcp
     |   ^^^
  hint: make two targets of it
vitals.yaml:11:3: error: a target needs one of `hub`, `mcp` or `stdio`
  11 | - name: e
     |   ^
  hint: for example `hub: http://127.0.0.1:7001`
vitals.yaml:13:10: error: `stdio` needs a shell, and none is started; quote the character or write a list of words
  13 |   stdio: node x | tee
     |          ^^^^^^^^^^^^
  hint: for example `node server.js`
vitals.yaml:15:10: error: `stdio` names no program
  15 |   stdio: []
     |          ^
"#);
}

#[test]
fn names() {
    let shown = errors(
        &"
targets:
- {name: a b, hub: 'http://a'}
- {hub: 'http://a'}
- {name: x, hub: 'http://a'}
- {name: x, hub: 'http://a'}
- {name: .., hub: 'http://a'}
- word
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:10: error: `name` must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, not `a b`
  2 | - {name: a b, hub: 'http://a'}
    |          ^^^
  hint: for example `a-b`
vitals.yaml:3:3: error: a target needs a `name`
  3 | - {hub: 'http://a'}
    |   ^
vitals.yaml:5:10: error: the name `x` is also used at vitals.yaml:4:10
  5 | - {name: x, hub: 'http://a'}
    |          ^
  hint: each target has a name of its own
vitals.yaml:6:10: error: `name` must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, not `..`
  6 | - {name: .., hub: 'http://a'}
    |          ^^
vitals.yaml:7:3: error: a target is a mapping, not a single value
  7 | - word
    |   ^^^^
  hint: begin each target with `- name:`
"#);
}

#[test]
fn doubled_keys() {
    let shown = errors(
        &"
discover: true
discover: false
defaults:
  headers: {X-A: env:A, x-a: env:B, 'bad name': env:C}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:1: error: `discover` is written twice here
  2 | discover: false
    | ^^^^^^^^
  hint: keep one of them
vitals.yaml:4:25: error: `x-a` is written twice here
  4 |   headers: {X-A: env:A, x-a: env:B, 'bad name': env:C}
    |                         ^^^
  hint: the case of a header does not matter
vitals.yaml:4:37: error: `bad name` cannot be the name of a header
  4 |   headers: {X-A: env:A, x-a: env:B, 'bad name': env:C}
    |                                     ^^^^^^^^^^
"#);
}

/// Nothing of a secret is shown, wherever on its line the mistake is.
#[test]
fn secrets() {
    let shown = errors(
        &"
defaults: {headers: {Authorization: Bearer hunter2}, lmm: {key: hunter2}, headrs: {Cookie: hunter2}}
targets:
- name: x
  headers:
    A: |
      hunter2
      hunter2
    Cookie: &c hunter2
    B: >-
      hunter2
  hubb: *c
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:1:37: warning: `Authorization` holds a secret in plain text
  1 | defaults: {headers: {Authorization: ***}, lmm: {key: ***}, headrs: {Cookie: ***}}
    |                                     ^^^
  hint: write `env:NAME` or `file:PATH`, and keep the whole value there
vitals.yaml:1:54: error: unknown key `lmm`
  1 | defaults: {headers: {Authorization: ***}, lmm: {key: ***}, headrs: {Cookie: ***}}
    |                                           ^^^
  hint: did you mean `llm`?
vitals.yaml:1:75: error: unknown key `headrs`
  1 | …ders: {Authorization: ***}, lmm: {key: ***}, headrs: {Cookie: ***}}
    |                                               ^^^^^^
  hint: did you mean `headers`?
vitals.yaml:3:3: error: a target needs one of `hub`, `mcp` or `stdio`
  3 | - name: x
    |   ^
  hint: for example `hub: http://127.0.0.1:7001`
vitals.yaml:6:7: error: `A` must be a single line
  6 |       ***
    |       ^^^
  hint: write `env:NAME` or `file:PATH`
vitals.yaml:8:16: warning: `Cookie` holds a secret in plain text
  8 |     Cookie: &c ***
    |                ^^^
  hint: write `env:NAME` or `file:PATH`, and keep the whole value there
vitals.yaml:11:3: error: unknown key `hubb`
  11 |   hubb: *c
     |   ^^^^
  hint: did you mean `hub`?
"#);
}

#[test]
fn references() {
    let shown = errors(
        &"
defaults:
  headers: {A: 'env:', B: 'file:', C: 'Bearer ${TOKEN}'}
  llm: {key: (set)}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:16: error: `A` refers to a variable without a proper name
  2 |   headers: {A: 'env:', B: 'file:', C: ***}
    |                ^^^^^^
  hint: write `env:NAME` or `file:PATH`
vitals.yaml:2:27: error: `B` refers to a file without a name
  2 |   headers: {A: 'env:', B: 'file:', C: ***}
    |                           ^^^^^^^
  hint: write `env:NAME` or `file:PATH`
vitals.yaml:2:39: warning: `C` holds `${`, which is sent as it is
  2 |   headers: {A: 'env:', B: 'file:', C: ***}
    |                                       ^^^
  hint: write `env:NAME` or `file:PATH`, and keep the whole value there
vitals.yaml:3:14: error: `key` holds the mark that stands for a secret which is not shown
  3 |   llm: {key: ***}
    |              ^^^
  hint: write `env:NAME` or `file:PATH`
"#);
}

#[test]
fn values_of_the_wrong_shape() {
    let shown = errors(
        &"
defaults:
  headers: [a]
  llm: {enabled: 'true', key:}
  meta_tool: {calls_per_day: many}
  servers: {github: down, gitlab: {expect: dwon, canary_arguments: [1]}}
targets: {name: x}
storage: 3
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:12: error: `headers` must be a mapping, not a list
  2 |   headers: [***]
    |            ^
vitals.yaml:3:18: error: `enabled` must be `true` or `false`, not a text
  3 |   llm: {enabled: 'true', key:}
    |                  ^^^^^^
  hint: write it without the quotes
vitals.yaml:3:26: error: `key` has no value
  3 |   llm: {enabled: 'true', key:}
    |                          ^^^
  hint: leave the key out to keep the default
vitals.yaml:4:30: error: `calls_per_day` must be a whole number, not `many`
  4 |   meta_tool: {calls_per_day: many}
    |                              ^^^^
vitals.yaml:5:21: error: `github` must be a mapping, not a single value
  5 |   servers: {github: down, gitlab: {expect: dwon, canary_arguments: [1]}}
    |                     ^^^^
vitals.yaml:5:44: error: `expect` must be `up` or `down`, not `dwon`
  5 |   servers: {github: down, gitlab: {expect: dwon, canary_arguments: [1]}}
    |                                            ^^^^
vitals.yaml:5:68: error: `canary_arguments` must be a mapping, not a list
  5 | …rs: {github: down, gitlab: {expect: dwon, canary_arguments: [1]}}
    |                                                              ^
vitals.yaml:6:10: error: `targets` must be a list, not a mapping
  6 | targets: {name: x}
    |          ^
  hint: begin each target with `- name:`
vitals.yaml:7:10: error: `storage` must be a mapping, not a single value
  7 | storage: 3
    |          ^
"#);
}

#[test]
fn not_a_mapping() {
    let shown = errors("- name: x\n");
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:1:1: error: a configuration is a mapping, not a list
  1 | - name: x
    | ^
  hint: for example `discover: true`
"#);
}

#[test]
fn a_tab() {
    let shown = errors(
        &"
defaults:
\tschedule: {}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:2: error: this is not YAML: tabs disallowed within this context (block indentation)
  2 |  schedule: {}
    |  ^
  hint: indent with spaces
"#);
}

#[test]
fn an_open_quote() {
    let shown = errors(
        &"
discover: \"true
targets: []
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:1:11: error: this is not YAML: unclosed quote
  1 | discover: "true
    |           ^
"#);
}

/// The line is left out, as nothing is known about it yet.
#[test]
fn a_broken_line_that_may_hold_a_secret() {
    let shown = errors(
        &"
a:
  Authorization:
    'hunter2
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:3:5: error: this is not YAML: unclosed quote
"#);
}

#[test]
fn two_documents() {
    let shown = errors(
        &"
discover: true
---
discover: false
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:1: error: a second document begins here
  2 | ---
    | ^^^
  hint: write one document per file; a directory of files is merged
"#);
}

#[test]
fn what_yaml_has_and_we_do_not() {
    let shown = errors(
        &"
<<: {}
discover: !!bool true
targets: *nowhere
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:1:1: error: unknown key `<<`
  1 | <<: {}
    | ^^
  hint: there is no merge key here; `defaults` is what all targets begin with
vitals.yaml:2:11: error: tags are not supported
  2 | discover: !!bool true
    |           ^^^^^^
  hint: leave out the word that begins with `!`
vitals.yaml:3:10: error: nothing above is anchored as `&nowhere`
  3 | targets: *nowhere
    |          ^^^^^^^^
"#);
}

#[test]
fn a_key_that_is_no_word() {
    let shown = errors(
        &"
? [a]
: 1
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:1:3: error: a key must be a word
  1 | ? [a]
    |   ^
"#);
}

/// With a byte-order mark, carriage returns and letters of several bytes.
#[test]
fn line_and_column_count_characters_in_files_of_any_kind() {
    let shown = errors("\u{feff}# é\r\ndefaults: {meta_tool: {prompt: 'héé'}, é: 1}\r\n\r\nx: 1\r\n");
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:40: error: unknown key `é`
  2 | defaults: {meta_tool: {prompt: 'héé'}, é: 1}
    |                                        ^
vitals.yaml:4:1: error: unknown key `x`
  4 | x: 1
    | ^
"#);
}

#[test]
fn objectives() {
    let shown = errors(
        &"
defaults:
  objectives:
    no-check: {goal: 99}
    all-of-it: {check: hub-servers/api, goal: 100}
    elsewhere: {check: api, weight: could, window: 1s, gaol: 99}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:3:5: error: the objective `no-check` needs a `check`
  3 |     no-check: {goal: 99}
    |     ^^^^^^^^
  hint: for example `check: hub-servers/*/truth`
vitals.yaml:4:47: error: `goal` must be above 0 and at most 99.999, not 100
  4 |     all-of-it: {check: hub-servers/api, goal: 100}
    |                                               ^^^
  hint: what is left over is the error budget, for example 0.1 % of a goal of 99.9
vitals.yaml:5:24: error: `check` must be the id of a check, not `api`
  5 |     elsewhere: {check: api, weight: could, window: 1s, gaol: 99}
    |                        ^^^
  hint: for example `hub-servers/api`, `hub-servers/filesystem/call` or `hub-servers/*/truth`
vitals.yaml:5:37: error: `weight` must be `must`, `should` or `nice`, not `could`
  5 |     elsewhere: {check: api, weight: could, window: 1s, gaol: 99}
    |                                     ^^^^^
vitals.yaml:5:52: error: `window` must be at least 1m, not 1s
  5 |     elsewhere: {check: api, weight: could, window: 1s, gaol: 99}
    |                                                    ^^
vitals.yaml:5:56: error: unknown key `gaol`
  5 |     elsewhere: {check: api, weight: could, window: 1s, gaol: 99}
    |                                                        ^^^^
"#);
}

/// A destination of logs is reached in one way, has a name that a folder may have, and words that are known.
#[test]
fn destinations_of_logs() {
    let shown = errors(
        &"
logs:
  none: {index: x}
  two: {loki: 'http://a', file: /b}
  '../up': {loki: 'http://a'}
  words: {loki: 'http://a', records: some, level: loud}
  index: {elasticsearch: 'http://a', index: Logs}
report: {at: 8 o'clock, to: ['a b']}
"[1..],
    );
    insta::assert_snapshot!(shown, @r#"
vitals.yaml:2:3: error: `none` needs one of `elasticsearch`, `loki`, `otlp` and `file`
  2 |   none: {index: x}
    |   ^^^^
  hint: for example `loki: http://127.0.0.1:3100`
vitals.yaml:3:3: error: `two` needs one of `elasticsearch`, `loki`, `otlp` and `file`
  3 |   two: {loki: 'http://a', file: /b}
    |   ^^^
  hint: for example `loki: http://127.0.0.1:3100`
vitals.yaml:4:3: error: the name `../up` must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, not `../up`
  4 |   '../up': {loki: 'http://a'}
    |   ^^^^^^^
  hint: for example `up`
vitals.yaml:5:38: error: `records` must be one of `all`, `hub`, `own`, not `some`
  5 |   words: {loki: 'http://a', records: some, level: loud}
    |                                      ^^^^
vitals.yaml:5:51: error: `level` must be one of `trace`, `debug`, `info`, `warn`, `error`, `fatal`, not `loud`
  5 |   words: {loki: 'http://a', records: some, level: loud}
    |                                                   ^^^^
vitals.yaml:6:3: error: Elasticsearch takes no index `Logs`
  6 |   index: {elasticsearch: 'http://a', index: Logs}
    |   ^^^^^
  hint: in small letters, and not with `-` or `_` at its beginning
vitals.yaml:7:14: error: `at` must be a time of day, not `8 o'clock`
  7 | report: {at: 8 o'clock, to: ['a b']}
    |              ^^^^^^^^^
  hint: for example `08:00`
vitals.yaml:7:30: error: `to` must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, not `a b`
  7 | report: {at: 8 o'clock, to: ['a b']}
    |                              ^^^^^
  hint: for example `a-b`
"#);
}
