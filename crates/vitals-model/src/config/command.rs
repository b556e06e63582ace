//! A command line split into words as a shell would, without a shell: nothing is expanded, and what
//! only a shell could do is refused rather than passed on as a word.

/// Splits at white space; quotes and backslashes work as in a POSIX shell.
///
/// # Errors
/// A sentence fragment that begins with a verb: a quote that does not end, something that needs a
/// shell, or no word at all.
///
/// ```
/// use vitals_model::config::split_command;
/// assert_eq!(split_command(r#"node "my server.js" --flag"#).unwrap(), ["node", "my server.js", "--flag"]);
/// ```
pub fn split_command(line: &str) -> Result<Vec<String>, &'static str> {
    const NEEDS_SHELL: &str = "needs a shell, and none is started; quote the character or write a list of words";
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("has a quote that does not end")? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("has a quote that does not end")? {
                        '"' => break,
                        '\\' => match chars.next().ok_or("has a quote that does not end")? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        '$' | '`' => return Err(NEEDS_SHELL),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("ends in a backslash")?),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' => return Err(NEEDS_SHELL),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) { Err("names no program") } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let cases: [(&str, &[&str]); 7] = [
            ("node server.js --flag", &["node", "server.js", "--flag"]),
            ("  npx  -y\t@scope/server ", &["npx", "-y", "@scope/server"]),
            (r"a\ b c", &["a b", "c"]),
            (r#"sh -c 'echo "$HOME" | wc'"#, &["sh", "-c", r#"echo "$HOME" | wc"#]),
            (r#"x "" ''"#, &["x", "", ""]),
            (r#"x --a="b c"d"#, &["x", "--a=b cd"]),
            (r#"x "a\"b\n""#, &["x", "a\"b\\n"]),
        ];
        for (line, words) in cases {
            assert_eq!(split_command(line).as_deref(), Ok(words.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice()));
        }
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for line in ["a | b", "a > b", "a; b", "a && b", "a $HOME", "a `b`", "a \"$HOME\""] {
            assert!(split_command(line).is_err_and(|e| e.starts_with("needs a shell")), "{line}");
        }
        assert_eq!(split_command("a 'b"), Err("has a quote that does not end"));
        assert_eq!(split_command("a \\"), Err("ends in a backslash"));
        assert_eq!(split_command("  "), Err("names no program"));
        assert_eq!(split_command("'' a"), Err("names no program"));
    }
}
