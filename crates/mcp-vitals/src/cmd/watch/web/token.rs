//! The token: as configured, or made once and kept beside the history, where only its owner can read it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use vitals_model::config::SecretRef;
use vitals_probe::secret;
use vitals_web::{Token, limits::TOKEN_CHARS_MIN};

/// Bytes of a token that we make: 128 bits.
const RANDOM_BYTES: usize = 16;

/// Who may read it: its owner.
const MODE: u32 = 0o600;

/// The token that the configuration refers to.
pub(super) fn configured(reference: &SecretRef) -> anyhow::Result<Token> {
    let value = secret::resolve(reference).map_err(|_| anyhow!("the web token {reference} has no value"))?;
    Token::new(value.expose()).with_context(|| format!("the web token {reference} has fewer than {TOKEN_CHARS_MIN} characters"))
}

/// A token of our own, and what is to be said of it: the same one at every start, so that a page that is open goes on.
/// The link that holds it is said to a terminal alone: what is not one may be a journal that others read.
pub(super) fn own(state_dir: &Path, address: SocketAddr) -> anyhow::Result<(Token, Option<String>)> {
    let path = state_dir.join("web-token");
    let text = kept(&path).with_context(|| format!("cannot keep a token in {}", path.display()))?;
    let token =
        Token::new(&text).with_context(|| format!("{} holds no token: remove it, and a new one is made", path.display()))?;
    let note = if std::io::stderr().is_terminal() {
        format!("to acknowledge, silence and check from the page, open http://{address}/#token={text}")
    } else {
        format!("to acknowledge, silence and check from the page, use the token in {}", path.display())
    };
    Ok((token, Some(note)))
}

fn kept(path: &Path) -> anyhow::Result<String> {
    match OpenOptions::new().read(true).custom_flags(no_follow()).open(path) {
        Ok(file) => {
            let found = file.metadata()?;
            if found.mode() & 0o077 != 0 || found.uid() != rustix::process::getuid().as_raw() {
                bail!("others can read it, or it is not ours: remove it, and a new one is made");
            }
            let mut text = String::new();
            file.take(1024).read_to_string(&mut text)?;
            Ok(text.trim_end().to_owned())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error.into()),
    }
}

fn make(path: &Path) -> anyhow::Result<String> {
    let mut random = [0; RANDOM_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let text = format!("{:032x}", u128::from_be_bytes(random));
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    writeln!(file, "{text}")?;
    Ok(text)
}

fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_one_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/web-token");
        let text = kept(&path).unwrap();
        assert!(text.len() == 2 * RANDOM_BYTES && kept(&path).unwrap() == text);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(kept(&path).unwrap_err().to_string().contains("others can read it"));
        let link = dir.path().join("web-token");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(kept(&link).is_err(), "a link leads elsewhere");
    }

    #[test]
    fn a_short_token_is_refused() {
        assert!(configured(&SecretRef::Plain("0123456789abcdef".to_owned())).is_ok());
        let why = configured(&SecretRef::Plain("short".to_owned())).unwrap_err().to_string();
        assert!(why.contains("fewer than 16") && !why.contains("short"), "{why}");
    }
}
