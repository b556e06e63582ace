//! The places of one machine, and how a document that leaves it names them. It changes words and no files.

use std::path::Path;

/// Folders of this machine, and what stands for each.
#[derive(Clone, Default, Debug)]
pub struct Places(Vec<(String, &'static str)>);

impl Places {
    /// The home folder is `~`; temporary folders and others that only this machine has are `…`. What is not an
    /// absolute path, or is the root of all, names no place.
    pub fn of(home: Option<&Path>, others: &[&Path]) -> Self {
        let home = home.into_iter().map(|path| (path, "~"));
        let all = home.chain(others.iter().map(|path| (*path, "…")));
        let usable = all.filter(|(path, _)| path.is_absolute() && path.parent().is_some());
        let mut places: Vec<_> = usable.filter_map(|(path, short)| Some((path.to_str()?.to_owned(), short))).collect();
        // Of two that lie in one another, the inner one says more.
        places.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self(places)
    }

    /// A text with these places in short.
    pub fn shorten(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (path, short)| replace(&text, path, short))
    }
}

/// Replaces `path` where it stands as a whole path or begins one: not within `/other/home/ann` or `/home/anna`.
fn replace(text: &str, path: &str, short: &str) -> String {
    let is_of_a_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(path) {
        let (before, after) = (&rest[..at], &rest[at + path.len()..]);
        let begins = !before.ends_with(|c| is_of_a_name(c) || c == '/');
        let ends = !after.starts_with(is_of_a_name);
        out.push_str(before);
        out.push_str(if begins && ends { short } else { path });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_no_place_of_a_machine() {
        let program = Path::new("/home/ann/src/target/release");
        let places =
            Places::of(Some(Path::new("/home/ann")), &[Path::new("/scratch"), program, Path::new("/"), Path::new("here")]);
        for (text, short) in [
            (
                "log cannot be read: /scratch/lab-wG0/state/hub.log: not a regular file",
                "log cannot be read: …/lab-wG0/state/hub.log: not a regular file",
            ),
            ("pid 7 (/home/ann/src/target/release/mcp-vitals lab-part) listens", "pid 7 (…/mcp-vitals lab-part) listens"),
            ("\"/home/ann/.local/state\", /home/ann", "\"~/.local/state\", ~"),
            ("POST /api/servers/stop", "POST /api/servers/stop"),
            (
                "/home/anna/scratch, /srv/home/ann/tmp, http://127.0.0.1/scratch/x",
                "/home/anna/scratch, /srv/home/ann/tmp, http://127.0.0.1/scratch/x",
            ),
            ("", ""),
        ] {
            assert_eq!(places.shorten(text), short);
        }
        assert_eq!(Places::default().shorten("/scratch/x"), "/scratch/x");
    }
}
