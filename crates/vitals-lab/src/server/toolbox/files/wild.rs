//! Patterns of paths: `*` and `?` within a name, `**` for any folders. A pattern takes time in proportion to
//! its length times the path's, whatever it is.

/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 256;

/// A pattern.
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is too long.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(format!("a pattern has at most {PATTERN_BYTES_MAX} bytes"));
        }
        Ok(Self(pattern.split('/').map(str::to_owned).collect()))
    }

    /// Whether a path, from the folder in which the search began, fits.
    pub(super) fn fits(&self, path: &str) -> bool {
        let names: Vec<_> = path.split('/').collect();
        fits(&self.0, &names, |part| part == "**", |part, name| name_fits(part, name))
    }
}

fn name_fits(part: &str, name: &str) -> bool {
    let (part, name): (Vec<_>, Vec<_>) = (part.chars().collect(), name.chars().collect());
    fits(&part, &name, |c| *c == '*', |c, other| *c == '?' || c == other)
}

/// Whether `items` fit `pattern`, in which some are `any` number of items and the others are the `same` as one.
/// When what follows an "any" does not fit, that one takes an item more; an earlier one never needs to.
fn fits<P, T>(pattern: &[P], items: &[T], any: impl Fn(&P) -> bool, same: impl Fn(&P, &T) -> bool) -> bool {
    let (mut p, mut i) = (0, 0);
    let mut retry = None;
    loop {
        match (pattern.get(p), items.get(i)) {
            (Some(part), _) if any(part) => {
                retry = Some((p, i));
                p += 1;
            }
            (Some(part), Some(item)) if same(part, item) => (p, i) = (p + 1, i + 1),
            (None, None) => return true,
            _ => match retry {
                Some((at, taken)) if taken < items.len() => {
                    retry = Some((at, taken + 1));
                    (p, i) = (at + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_those_of_a_shell_do() {
        let cases = [
            ("*.txt", "a.txt", true),
            ("*.txt", "a/b.txt", false),
            ("**/*.txt", "a/b.txt", true),
            ("**/*.txt", "b.txt", true),
            ("a/**", "a/b/c", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "abab", true),
            ("**/x/**/y", "a/x/b/x/c/y", true),
            ("**/x/**/y", "a/x/b/z", false),
            ("", "a", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().fits(path), expected, "{pattern} {path}");
        }
        assert!(Pattern::parse(&"*".repeat(300)).is_err());
    }
}
