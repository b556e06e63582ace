//! Paths beneath one folder. A path is resolved, links and all, before it is compared with the folder; of a
//! path that is yet to be made, that part of it which is there is resolved.
//!
//! Between that and its use a link could be put in its place. For a lab this is safe enough: only the lab's
//! user can write to the folder, and that user could open the other file as well.

use std::path::{Component, Path, PathBuf};

/// The folder.
pub(super) struct Root(PathBuf);

impl Root {
    /// This folder, resolved.
    ///
    /// # Errors
    /// When it is not there or is no folder.
    pub(super) fn new(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.canonicalize()?;
        std::fs::read_dir(&folder)?;
        Ok(Self(folder))
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Something that is there.
    ///
    /// # Errors
    /// When it is not there, or elsewhere.
    pub(super) fn existing(&self, asked: &str) -> Result<PathBuf, String> {
        self.inside(asked, &self.asked(asked)?)
    }

    /// A file that is there, or could be made in a folder that is.
    ///
    /// # Errors
    /// When its folder is not there, or it is elsewhere.
    pub(super) fn file(&self, asked: &str) -> Result<PathBuf, String> {
        let path = self.asked(asked)?;
        // A link that leads nowhere is there too, and is refused because it cannot be resolved.
        if path.symlink_metadata().is_ok() {
            return self.inside(asked, &path);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(denied(asked)) };
        Ok(self.inside(asked, parent)?.join(name))
    }

    /// A folder that is there or could be made.
    ///
    /// # Errors
    /// When it is elsewhere.
    pub(super) fn new_folder(&self, asked: &str) -> Result<PathBuf, String> {
        let path = self.asked(asked)?;
        let there = path.ancestors().find(|above| above.symlink_metadata().is_ok()).ok_or_else(|| denied(asked))?;
        let rest = path.strip_prefix(there).map_err(|_| denied(asked))?;
        Ok(self.inside(asked, there)?.join(rest))
    }

    /// The path as it was asked for: without `..`, and from this folder unless it says otherwise.
    fn asked(&self, asked: &str) -> Result<PathBuf, String> {
        let path = Path::new(asked);
        if asked.contains('\0') || path.components().any(|part| part == Component::ParentDir) {
            return Err(denied(asked));
        }
        Ok(self.0.join(path))
    }

    fn inside(&self, asked: &str, path: &Path) -> Result<PathBuf, String> {
        // Whether something elsewhere exists is not told either.
        let real = path.canonicalize().map_err(|e| if path.starts_with(&self.0) { e.to_string() } else { denied(asked) })?;
        if real.starts_with(&self.0) { Ok(real) } else { Err(denied(asked)) }
    }
}

fn denied(asked: &str) -> String {
    format!("Access denied - path outside allowed directories: {asked}")
}
